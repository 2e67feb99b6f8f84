//! ElastiCache's texts of the allowed values of a parameter. Pure functions; no AWS calls.
//!
//! A text lists values and ranges of integers, separated by commas, such as `0,20-`. The known ones are in the example of
//! [describe-engine-default-parameters](https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-engine-default-parameters.html).

use aws_sdk_elasticache::types::Parameter;

/// A part of the text of a parameter that is an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// `-`.
    Any,
    /// `20-`.
    AtLeast(i128),
    /// `1-100`.
    Range(i128, i128),
    /// `0`, or `-5`.
    Number(i128),
    Other(&'a str),
}

/// Returns whether a parameter may have a value, as far as ElastiCache describes it.
pub fn is_allowed(parameter: &Parameter, value: &str) -> bool {
    let Some(allowed) = listed(parameter) else {
        return true;
    };
    if !is_integer(parameter) {
        return allowed.split(',').any(|part| part.trim() == value);
    }
    // In the form in which ElastiCache returns it.
    let number: Option<i128> = value.parse().ok();
    let number = number.filter(|number| number.to_string() == value);
    allowed
        .split(',')
        .map(part)
        .any(|part| match (part, number) {
            (Part::Other(text), _) => text == value,
            (_, None) => false,
            (Part::Any, Some(_)) => true,
            (Part::AtLeast(least), Some(number)) => number >= least,
            (Part::Range(least, most), Some(number)) => (least..=most).contains(&number),
            (Part::Number(only), Some(number)) => number == only,
        })
}

/// Returns the allowed values in words.
pub fn in_words(parameter: &Parameter) -> String {
    let allowed = parameter.allowed_values().unwrap_or_default();
    let words: Vec<_> = allowed
        .split(',')
        .map(|text| match part(text) {
            _ if !is_integer(parameter) => format!("`{}`", text.trim()),
            Part::Any => "any integer".to_owned(),
            Part::AtLeast(least) => format!("{least} or more"),
            Part::Range(least, most) => format!("{least} to {most}"),
            Part::Number(only) => only.to_string(),
            Part::Other(text) => format!("`{text}`"),
        })
        .collect();
    words.join(", ")
}

/// Returns the text of the allowed values; none if any value may be allowed. The text of `rename-commands` lists the commands
/// that a value may rename
/// ([parameters](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html)).
fn listed(parameter: &Parameter) -> Option<&str> {
    let allowed = parameter.allowed_values()?;
    let is_listed = !allowed.is_empty() && parameter.parameter_name() != Some("rename-commands");
    is_listed.then_some(allowed)
}

fn is_integer(parameter: &Parameter) -> bool {
    parameter.data_type() == Some("integer")
}

fn part(text: &str) -> Part<'_> {
    let text = text.trim();
    if text == "-" {
        return Part::Any;
    }
    // A hyphen that isn't the sign of the first number.
    let hyphen = text.char_indices().skip(1).find(|(_, found)| *found == '-');
    let number = |text: &str| text.parse::<i128>().ok();
    let found = match hyphen {
        None => number(text).map(Part::Number),
        Some((at, _)) => match (number(&text[..at]), &text[at + 1..]) {
            (Some(least), "") => Some(Part::AtLeast(least)),
            (Some(least), most) => number(most).map(|most| Part::Range(least, most)),
            (None, _) => None,
        },
    };
    found.unwrap_or(Part::Other(text))
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::Parameter;

    use super::{in_words, is_allowed};

    fn parameter(name: &str, data_type: &str, allowed: Option<&str>) -> Parameter {
        Parameter::builder()
            .parameter_name(name)
            .data_type(data_type)
            .set_allowed_values(allowed.map(str::to_owned))
            .build()
    }

    type Texts = &'static [&'static str];
    /// A parameter's name, type, and allowed values; these in words; and values that are allowed, and that aren't.
    type Case = (
        &'static str,
        &'static str,
        Option<&'static str>,
        &'static str,
        Texts,
        Texts,
    );

    /// The parameters are those of the example of
    /// <https://docs.aws.amazon.com/cli/latest/reference/elasticache/describe-engine-default-parameters.html>.
    #[test]
    fn value_is_allowed_if_it_is_listed_or_in_a_range() {
        let cases: [Case; 11] = [
            (
                "timeout",
                "integer",
                Some("0,20-"),
                "0, 20 or more",
                &["0", "20", "86400"],
                &["1", "19", "-1", "", "020", "+20", "x", "20-"],
            ),
            (
                "slowlog-log-slower-than",
                "integer",
                Some("-"),
                "any integer",
                &["-1", "0", "10000"],
                &["x", "1.5", ""],
            ),
            (
                "list-max-ziplist-size",
                "integer",
                Some("-5,-4,-3,-2,-1,1-"),
                "-5, -4, -3, -2, -1, 1 or more",
                &["-5", "-1", "1", "512"],
                &["-6", "0"],
            ),
            (
                "maxmemory-samples",
                "integer",
                Some("1-"),
                "1 or more",
                &["1", "64"],
                &["0"],
            ),
            (
                "active-defrag-cycle-max",
                "integer",
                Some("1-75"),
                "1 to 75",
                &["1", "75"],
                &["0", "76"],
            ),
            (
                "lua-time-limit",
                "integer",
                Some("5000"),
                "5000",
                &["5000"],
                &["4999", "50000"],
            ),
            (
                "activedefrag",
                "string",
                Some("yes,no"),
                "`yes`, `no`",
                &["yes", "no"],
                &["true", "YES", "yes,no", ""],
            ),
            (
                "maxmemory-policy",
                "string",
                Some("volatile-lru,allkeys-lru,noeviction"),
                "`volatile-lru`, `allkeys-lru`, `noeviction`",
                &["allkeys-lru"],
                &["allkeys", "lru"],
            ),
            (
                "notify-keyspace-events",
                "string",
                None,
                "``",
                &["KEA", "anything"],
                &[],
            ),
            (
                "rename-commands",
                "string",
                Some("APPEND,BITCOUNT"),
                "`APPEND`, `BITCOUNT`",
                &["append add"],
                &[],
            ),
            // Not known to exist.
            (
                "range",
                "integer",
                Some("-10--5,auto"),
                "-10 to -5, `auto`",
                &["-10", "-5", "auto"],
                &["-11", "-4"],
            ),
        ];
        for (name, data_type, allowed, words, accepted, rejected) in cases {
            let parameter = parameter(name, data_type, allowed);

            assert_eq!(in_words(&parameter), words, "{name}");
            for value in accepted {
                assert!(is_allowed(&parameter, value), "{name}: {value}");
            }
            for value in rejected {
                assert!(!is_allowed(&parameter, value), "{name}: {value}");
            }
        }
    }
}
