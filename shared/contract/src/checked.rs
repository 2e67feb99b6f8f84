//! Defines types whose values are checked when they are read.

/// Defines a type that holds a validated text. In JSON, it is a string.
///
/// `rule` is the constraint in words, and `schema` the same constraint as a JSON Schema.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path, rule $rule:literal, schema $schema:tt) => {
        $(#[$doc])*
        #[doc = ""]
        #[doc = $rule]
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(rule) => Err(format!(
                        "`{}` {rule}",
                        $crate::checked::shortened(&text, $crate::checked::QUOTED)
                    )),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        $crate::checked::described!($name, "string", $rule, $schema);
    };
}

/// Defines a type that holds a number within bounds. In JSON, it is a number.
macro_rules! checked_number {
    ($(#[$doc:meta])* $name:ident, $least:literal ..= $most:literal $(, except $except:literal)?, default $default:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i64", into = "i32")]
        pub struct $name(i32);

        impl $name {
            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> i32 {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = String;

            fn try_from(number: i64) -> Result<Self, String> {
                i32::try_from(number)
                    .ok()
                    .filter(|number| ($least..=$most).contains(number) $(&& *number != $except)?)
                    .map(Self)
                    .ok_or_else(|| {
                        format!(concat!("{} is out of range: ", $least, " to ", $most $(, ", but not ", $except)?), number)
                    })
            }
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        $crate::checked::described!(
            $name,
            "integer",
            concat!($least, " to ", $most $(, ", but not ", $except)?, "."),
            { "minimum": $least, "maximum": $most $(, "not": { "const": $except })? }
        );
    };
}

/// Implements the JSON Schema of a type: its JSON type, its rule in words, and its constraints.
macro_rules! described {
    ($name:ident, $type:literal, $rule:expr, $schema:tt) => {
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::schema::of_value($type, $rule, serde_json::json!($schema))
            }
        }
    };
}

pub(crate) use {checked_number, checked_text, described};

/// Result of checking a value against its rule: the rule that it breaks.
pub(crate) type Check = Result<(), String>;

pub(crate) fn require(condition: bool, rule: impl Into<String>) -> Check {
    if condition { Ok(()) } else { Err(rule.into()) }
}

pub(crate) fn length(text: &str, most: usize) -> Check {
    require(
        (1..=most).contains(&text.chars().count()),
        format!("must have 1 to {most} characters"),
    )
}

pub(crate) fn characters(text: &str, allowed: fn(char) -> bool, names: &str) -> Check {
    require(
        text.chars().all(allowed),
        format!("may only contain {names}"),
    )
}

pub(crate) const fn is_lower_case_or_digit(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

pub(crate) const fn is_name_character(character: char) -> bool {
    is_lower_case_or_digit(character) || character == '-'
}

pub(crate) fn hyphenated_name(text: &str, most: usize) -> Check {
    length(text, most)?;
    characters(
        text,
        is_name_character,
        "lowercase letters, digits, and hyphens",
    )?;
    require(
        text.starts_with(|first: char| first.is_ascii_lowercase()),
        "must begin with a letter",
    )?;
    require(!text.ends_with('-'), "must not end with a hyphen")?;
    require(
        !text.contains("--"),
        "must not contain two consecutive hyphens",
    )
}

pub(crate) fn text_without_control_characters(text: &str) -> Check {
    length(text, 255)?;
    require(
        !text.contains(char::is_control),
        "must not contain control characters",
    )
}

/// The length of a quoted value in a message: an input may be a megabyte long.
pub(crate) const QUOTED: usize = 80;

/// Returns the first characters of a text, and `…` if it has more.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain(['…']).collect()
}

/// Checks texts, each with the rule that it breaks; an empty rule means that the text is valid.
#[cfg(test)]
pub(crate) fn assert_checks(check: fn(&str) -> Check, cases: &[(&str, &str)]) {
    for (text, rule) in cases {
        match (check(text), *rule) {
            (Ok(()), "") => {}
            (Err(found), rule) if !rule.is_empty() => assert!(
                found.contains(rule),
                "`{text}`: expected {rule:?}, found {found:?}"
            ),
            (found, _) => panic!("`{text}`: expected {rule:?}, found {found:?}"),
        }
    }
}
