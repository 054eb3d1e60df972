//! Choices that lie in files as the text that a person writes.

/// Reads and writes a type of `FromStr` and `Display` as its text, so that a file with an unknown name is refused when
/// it is read, with the names that there are. The crate that calls it depends on `serde`.
///
/// ```
/// struct Whole(i64);
/// impl std::fmt::Display for Whole {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         self.0.fmt(f)
///     }
/// }
/// impl std::str::FromStr for Whole {
///     type Err = std::num::ParseIntError;
///     fn from_str(text: &str) -> Result<Self, Self::Err> {
///         text.parse().map(Whole)
///     }
/// }
/// vizsla_neural::as_text!(Whole);
/// assert_eq!(serde_json::to_string(&Whole(7))?, "\"7\"");
/// assert!(serde_json::from_str::<Whole>("\"seven\"").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! as_text {
    ($kind:ty) => {
        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
