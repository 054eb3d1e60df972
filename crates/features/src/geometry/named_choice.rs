//! Names of choices, read as they are written.

/// `name`, `Display` and `FromStr` of a choice without fields; an unknown name lists those there are.
macro_rules! named_choice {
    ($choice:ident, $what:literal, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $choice {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

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
            type Err = $crate::extractor::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::extractor::named($what, text, Self::ALL, Self::name)
            }
        }
    };
}

pub(crate) use named_choice;
