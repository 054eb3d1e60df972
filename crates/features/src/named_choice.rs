//! Names of choices, read as they are written.

/// `ALL`, `name`, `Display` and `FromStr` of a choice whose variants have no fields; what is said of an unknown name, after "there is
/// no …", and the name of each variant. An unknown name lists those there are ([`UnknownName`](crate::UnknownName)).
#[macro_export]
macro_rules! named_choice {
    ($choice:ident, $what:literal, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $choice {
            /// All of them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name as it is written.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $choice {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::named($what, text, &Self::ALL, Self::name)
            }
        }
    };
}
