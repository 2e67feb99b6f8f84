//! The tags that a request adds to every resource of the environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checked::{Check, QUOTED, characters, described, length, require, shortened};

/// AWS allows 50 tags on a resource. envcache adds up to 3 of its own; the rest is for other tools.
const MOST: usize = 40;
/// EC2's limit, which is the smallest: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Tag.html>.
const KEY_LENGTH: usize = 127;
const VALUE_LENGTH: usize = 256;

/// Tags, by their keys. They contain only characters that every service accepts: Systems Manager has the strictest pattern
/// (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Tag.html>).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Returns whether there are no tags.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether there is a tag with this key.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns the keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = String;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, String> {
        if tags.len() > MOST {
            return Err(format!(
                "{} given, but a request has at most {MOST} tags",
                tags.len()
            ));
        }
        for (key, value) in &tags {
            let shown = shortened(key, QUOTED);
            check_key(key).map_err(|rule| format!("the key `{shown}` {rule}"))?;
            check_value(value).map_err(|rule| format!("the value of `{shown}` {rule}"))?;
        }
        require_different_keys(&tags)?;
        Ok(Self(tags))
    }
}

impl From<Tags> for BTreeMap<String, String> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

described!(
    Tags,
    "object",
    "Up to 40. A key has 1 to 127 and a value up to 256 ASCII letters, digits, spaces, and `_.:/=+-@`, and neither begins or \
     ends with a space. No key begins with `aws:` or `envcache:`, and no two keys differ only in case.",
    {
        "maxProperties": MOST,
        "propertyNames": {
            "maxLength": KEY_LENGTH,
            "pattern": "^(?![Aa][Ww][Ss]:)(?![Ee][Nn][Vv][Cc][Aa][Cc][Hh][Ee]:)[A-Za-z0-9_.:/=+@-]([A-Za-z0-9 _.:/=+@-]*[A-Za-z0-9_.:/=+@-])?$"
        },
        "additionalProperties": {
            "type": "string",
            "maxLength": VALUE_LENGTH,
            "pattern": "^([A-Za-z0-9_.:/=+@-]([A-Za-z0-9 _.:/=+@-]*[A-Za-z0-9_.:/=+@-])?)?$"
        }
    }
);

fn check_key(key: &str) -> Check {
    length(key, KEY_LENGTH)?;
    check_characters(key)?;
    let begins_with = |prefix: &str| {
        let begin = key.get(..prefix.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    };
    require(
        !begins_with("aws:"),
        "begins with `aws:`, which AWS reserves for its own tags",
    )?;
    require(
        !begins_with("envcache:"),
        "begins with `envcache:`, which is reserved for envcache's own tags",
    )
}

fn check_value(value: &str) -> Check {
    require(
        value.chars().count() <= VALUE_LENGTH,
        format!("must have at most {VALUE_LENGTH} characters"),
    )?;
    check_characters(value)
}

fn check_characters(text: &str) -> Check {
    characters(
        text,
        |character| character.is_ascii_alphanumeric() || " _.:/=+-@".contains(character),
        "ASCII letters, digits, spaces, and _.:/=+-@",
    )?;
    require(text.trim() == text, "must not begin or end with a space")
}

/// Checks that no two keys differ only in case. IAM ignores the case of a tag's key in a condition
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html>), so policies couldn't distinguish them.
fn require_different_keys(tags: &BTreeMap<String, String>) -> Check {
    let mut known = BTreeMap::new();
    for key in tags.keys() {
        if let Some(other) = known.insert(key.to_ascii_lowercase(), key) {
            return Err(format!(
                "the keys `{other}` and `{key}` differ only in case, which policies ignore: remove one of them"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Tags, check_key, check_value};
    use crate::checked::assert_checks;

    #[test]
    fn checks_keys_by_the_rules_of_every_service() {
        let longest = "a".repeat(127);
        let too_long = "a".repeat(128);
        assert_checks(
            check_key,
            &[
                ("team", ""),
                ("cost center", ""),
                ("app.kubernetes.io/name", ""),
                ("a_b.c:d/e=f+g-h@i", ""),
                ("aws", ""),
                ("awsome:a", ""),
                ("envcache", ""),
                (&longest, ""),
                (&too_long, "1 to 127 characters"),
                ("", "1 to 127 characters"),
                (" team", "space"),
                ("team ", "space"),
                ("té", "may only contain"),
                ("a,b", "may only contain"),
                ("a\u{a0}b", "may only contain"),
                ("aws:team", "begins with `aws:`"),
                ("AWS:team", "begins with `aws:`"),
                ("envcache:stack", "begins with `envcache:`"),
                ("Envcache:Stack", "begins with `envcache:`"),
            ],
        );
    }

    #[test]
    fn checks_values_by_the_rules_of_every_service() {
        let longest = "a".repeat(256);
        let too_long = "a".repeat(257);
        assert_checks(
            check_value,
            &[
                ("", ""),
                ("web", ""),
                ("aws:any", ""),
                (&longest, ""),
                (&too_long, "at most 256 characters"),
                (" web", "space"),
                ("a;b", "may only contain"),
                ("a\nb", "may only contain"),
            ],
        );
    }

    fn tags(keys: impl IntoIterator<Item = String>) -> Result<Tags, String> {
        let tags: BTreeMap<_, _> = keys.into_iter().map(|key| (key, String::new())).collect();
        Tags::try_from(tags)
    }

    #[test]
    fn at_most_40_tags_are_accepted() {
        let numbered = |count: usize| tags((0..count).map(|number| format!("tag-{number}")));

        assert!(numbered(40).is_ok());
        let error = numbered(41).expect_err("one too many");
        assert!(error.starts_with("41 given"), "{error}");
    }

    #[test]
    fn keys_that_differ_only_in_case_are_rejected() {
        let error = tags(["team", "Team"].map(str::to_owned)).expect_err("the same key");

        assert!(
            error.starts_with("the keys `Team` and `team` differ only in case"),
            "{error}"
        );
    }
}
