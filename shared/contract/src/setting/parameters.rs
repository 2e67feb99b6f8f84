//! `cache.parameters`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::checked::{
    Check, QUOTED, characters, described, is_name_character, length, require, shortened,
};

/// No family has as many parameters that can be modified.
const MOST: usize = 100;
const NAME_LENGTH: usize = 255;
const VALUE_LENGTH: usize = 1000;

/// Parameters of Valkey, by their names. An empty object has the same meaning as an omitted field. Only AWS knows which
/// parameters and values it accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, ParameterValue>",
    into = "BTreeMap<String, String>"
)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Returns whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of the parameter with this name, if it is requested.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, ParameterValue>> for Parameters {
    type Error = String;

    fn try_from(parameters: BTreeMap<String, ParameterValue>) -> Result<Self, String> {
        if parameters.len() > MOST {
            return Err(format!(
                "{} given, but a request has at most {MOST} parameters",
                parameters.len()
            ));
        }
        for name in parameters.keys() {
            let shown = shortened(name, QUOTED);
            check_name(name).map_err(|rule| format!("the name `{shown}` {rule}"))?;
        }
        let values = parameters.into_iter().map(|(name, value)| (name, value.0));
        Ok(Self(values.collect()))
    }
}

impl From<Parameters> for BTreeMap<String, String> {
    fn from(parameters: Parameters) -> Self {
        parameters.0
    }
}

described!(
    Parameters,
    "object",
    "Up to 100. A name has 1 to 255 of a-z, 0-9, and hyphen, and begins with a letter. A value is an integer, or a string of 1 to \
     1000 printable ASCII characters that neither begins nor ends with a space.",
    {
        "maxProperties": MOST,
        "propertyNames": { "maxLength": NAME_LENGTH, "pattern": "^[a-z][a-z0-9-]*$" },
        "additionalProperties": {
            "type": ["string", "integer"],
            "maxLength": VALUE_LENGTH,
            "pattern": "^[!-~]([ -~]*[!-~])?$"
        }
    }
);

fn check_name(name: &str) -> Check {
    length(name, NAME_LENGTH)?;
    characters(
        name,
        is_name_character,
        "lowercase letters, digits, and hyphens",
    )?;
    require(
        name.starts_with(|first: char| first.is_ascii_lowercase()),
        "must begin with a letter",
    )
}

fn check_value(value: &str) -> Check {
    length(value, VALUE_LENGTH)?;
    characters(
        value,
        |character| character == ' ' || character.is_ascii_graphic(),
        "printable ASCII characters",
    )?;
    require(value.trim() == value, "must not begin or end with a space")
}

/// A value in a request. ElastiCache's values are texts, also of integers.
struct ParameterValue(String);

impl<'de> Deserialize<'de> for ParameterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = ParameterValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or an integer")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ParameterValue, E> {
        check_value(text)
            .map(|()| ParameterValue(text.to_owned()))
            .map_err(|rule| E::custom(format!("`{}` {rule}", shortened(text, QUOTED))))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ParameterValue, E> {
        Ok(ParameterValue(number.to_string()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ParameterValue, E> {
        Ok(ParameterValue(number.to_string()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<ParameterValue, E> {
        let text = if value { "yes" } else { "no" };
        Err(E::custom(format!(
            "`{value}` is a boolean, but ElastiCache's values are texts: request \"{text}\""
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Parameters;

    fn read(value: Value) -> Result<Parameters, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn integers_are_texts() {
        let parameters = read(json!({ "timeout": 300, "slowlog-log-slower-than": -1 }));

        let parameters = parameters.expect("parameters");
        let found: Vec<_> = parameters.iter().collect();
        assert_eq!(
            found,
            [("slowlog-log-slower-than", "-1"), ("timeout", "300")]
        );
        assert_eq!(parameters.get("timeout"), Some("300"));
        assert_eq!(parameters.get("maxmemory-policy"), None);
        assert_eq!(
            json!(parameters),
            json!({ "slowlog-log-slower-than": "-1", "timeout": "300" })
        );
    }

    #[test]
    fn checks_names_and_values() {
        let cases = [
            (json!({}), ""),
            (json!({ "maxmemory-policy": "allkeys-lru" }), ""),
            (json!({ "rename-commands": "flushall wipe" }), ""),
            (
                json!({ "notify-keyspace-events": "" }),
                "must have 1 to 1000 characters",
            ),
            (
                json!({ "timeout": "x".repeat(1001) }),
                "must have 1 to 1000 characters",
            ),
            (
                json!({ "timeout": " 1" }),
                "must not begin or end with a space",
            ),
            (
                json!({ "timeout": "1\n" }),
                "may only contain printable ASCII characters",
            ),
            (
                json!({ "activedefrag": true }),
                "`true` is a boolean, but ElastiCache's values are texts: request \"yes\"",
            ),
            (json!({ "activedefrag": false }), "request \"no\""),
            (json!({ "timeout": 1.5 }), "expected a string or an integer"),
            (
                json!({ "timeout": null }),
                "expected a string or an integer",
            ),
            (
                json!({ "Timeout": 1 }),
                "the name `Timeout` may only contain lowercase letters",
            ),
            (json!({ "": 1 }), "must have 1 to 255 characters"),
            (json!({ "-timeout": 1 }), "must begin with a letter"),
            (
                json!({ "max_memory": 1 }),
                "may only contain lowercase letters, digits, and hyphens",
            ),
        ];
        for (value, expected) in cases {
            match (read(value.clone()), expected) {
                (Ok(_), "") => {}
                (Err(error), expected) if !expected.is_empty() => {
                    assert!(error.contains(expected), "{value}: {error}");
                }
                (found, _) => panic!("{value}: {found:?}"),
            }
        }
    }

    #[test]
    fn has_at_most_100_parameters() {
        let parameters = |count: usize| {
            let named = (0..count).map(|number| (format!("p{number}"), json!(1)));
            Value::Object(named.collect())
        };

        assert!(read(parameters(100)).is_ok());
        let error = read(parameters(101)).expect_err("too many");
        assert!(error.contains("101 given"), "{error}");
    }
}
