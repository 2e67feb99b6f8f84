//! Checks a value against a shape.

use serde_json::Value;

use super::service::{Kind, Member, Service, Shape};

/// A value that a model doesn't allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The member, such as `ReplicationGroup.NodeGroups[].Status`; empty for the whole body.
    pub path: String,
    /// The violated rule, as a phrase that follows the member's name.
    pub rule: String,
    /// The value, shortened.
    pub value: String,
}

impl Violation {
    pub fn new(path: &str, rule: impl Into<String>, value: &Value) -> Self {
        const LENGTH: usize = 200;
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            path: path.to_owned(),
            rule: rule.into(),
            value: text.chars().take(LENGTH).collect(),
        }
    }

    /// Returns whether the rule is that a list must not be empty. AWS returns such empty lists, such as
    /// `InvalidParameters` in the example of
    /// [GetParameters](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html).
    pub fn is_empty_list(&self) -> bool {
        self.rule.starts_with("has members: 0,")
    }

    /// Returns the violation of a member that a structure doesn't have.
    pub fn unknown(path: &str, member: &str, structure: &str, value: &Value) -> Self {
        let rule = format!("is not a member of `{structure}`");
        Self::new(&member_path(path, member), rule, value)
    }
}

/// Returns the path of a structure's member.
pub fn member_path(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Checks a value, whose members have the model's names, against the shape of a reference. Adds violations to `found`.
pub fn check(
    service: &Service,
    member: &Member,
    value: &Value,
    path: &str,
    found: &mut Vec<Violation>,
) {
    let name = &member.shape;
    let Some(shape) = service.shape(member) else {
        found.push(Violation::new(
            path,
            format!("refers to an unknown shape `{name}`"),
            value,
        ));
        return;
    };
    if !has_type(shape.kind, value) {
        let kind = format!("{:?}", shape.kind).to_lowercase();
        let rule = format!("is not of type {kind} (`{name}`)");
        found.push(Violation::new(path, rule, value));
        return;
    }
    match value {
        Value::Object(members) if shape.kind == Kind::Structure => {
            check_structure(service, member, shape, members, path, found);
        }
        Value::Object(entries) => {
            check_size(shape, entries.len(), "entries", value, path, found);
            for (key, value) in entries {
                let path = member_path(path, key);
                if let Some(member) = &shape.key {
                    check(service, member, &Value::from(key.as_str()), &path, found);
                }
                if let Some(member) = &shape.value {
                    check(service, member, value, &path, found);
                }
            }
        }
        Value::Array(items) => {
            check_size(shape, items.len(), "members", value, path, found);
            if let Some(member) = &shape.member {
                for item in items {
                    check(service, member, item, &format!("{path}[]"), found);
                }
            }
        }
        Value::String(text) => check_string(name, shape, text, path, found),
        Value::Number(number) => check_range(
            shape,
            number.as_f64().unwrap_or(f64::NAN),
            "is",
            value,
            path,
            found,
        ),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Returns whether a JSON value has the type of a shape. A timestamp is a number of seconds, as in the
/// [JSON protocols](https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#shape-serialization).
fn has_type(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Structure | Kind::Map => value.is_object(),
        Kind::List => value.is_array(),
        Kind::String => value.is_string(),
        Kind::Boolean => value.is_boolean(),
        Kind::Integer => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        Kind::Long => value.is_i64(),
        Kind::Float | Kind::Double => {
            value.is_number() || matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"))
        }
        Kind::Timestamp => value.is_number(),
        Kind::Blob => value.as_str().is_some_and(is_base64),
    }
}

fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - data.len() <= 2
        && data
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn check_structure(
    service: &Service,
    reference: &Member,
    shape: &Shape,
    members: &serde_json::Map<String, Value>,
    path: &str,
    found: &mut Vec<Violation>,
) {
    let name = &reference.shape;
    for (key, value) in members {
        match shape.members.get(key) {
            Some(member) => check(service, member, value, &member_path(path, key), found),
            None => found.push(Violation::unknown(path, key, name, value)),
        }
    }
    for key in &shape.required {
        if !members.contains_key(key) {
            found.push(Violation::new(
                &member_path(path, key),
                format!("is required in `{name}`"),
                &Value::Null,
            ));
        }
    }
    if shape.union && members.len() != 1 {
        found.push(Violation::new(
            path,
            format!("has {} members of the union `{name}`", members.len()),
            &Value::Object(members.clone()),
        ));
    }
}

fn check_string(name: &str, shape: &Shape, text: &str, path: &str, found: &mut Vec<Violation>) {
    let value = Value::from(text);
    if !shape.values.is_empty() && !shape.values.iter().any(|allowed| allowed == text) {
        let rule = format!("is not in the enum `{name}`");
        found.push(Violation::new(path, rule, &value));
    }
    // A blob's length is that of its bytes.
    let length = match shape.kind {
        Kind::Blob => text.trim_end_matches('=').len() * 3 / 4,
        _ => text.chars().count(),
    };
    check_size(shape, length, "characters", &value, path, found);
    if let Some(pattern) = &shape.pattern
        && !pattern.matches(text)
    {
        let rule = format!("doesn't match `{}` (`{name}`)", pattern.source);
        found.push(Violation::new(path, rule, &value));
    }
}

fn check_size(
    shape: &Shape,
    size: usize,
    unit: &str,
    value: &Value,
    path: &str,
    found: &mut Vec<Violation>,
) {
    let size = u32::try_from(size).map_or(f64::INFINITY, f64::from);
    check_range(shape, size, &format!("has {unit}:"), value, path, found);
}

/// Checks the range of a number, which is the value itself or its size.
fn check_range(
    shape: &Shape,
    number: f64,
    verb: &str,
    value: &Value,
    path: &str,
    found: &mut Vec<Violation>,
) {
    if let Some(min) = shape.min.filter(|min| number < *min) {
        let rule = format!("{verb} {number}, less than {min}");
        found.push(Violation::new(path, rule, value));
    }
    if let Some(max) = shape.max.filter(|max| number > *max) {
        let rule = format!("{verb} {number}, more than {max}");
        found.push(Violation::new(path, rule, value));
    }
}
