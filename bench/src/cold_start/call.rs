//! The calls that a function makes, for the comparison with its peer.

use hyper::HeaderMap;
use hyper::body::Bytes;
use local::gateway;
use serde_json::{Map, Value};

/// A call of an AWS operation. Two SDKs may write the same call differently, so the order of its fields doesn't matter, and
/// texts that contain JSON are parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The operation's name.
    pub operation: String,
    /// The parameters.
    pub parameters: Value,
}

impl Call {
    /// Reads a request.
    pub fn read(headers: &HeaderMap, body: &Bytes) -> Self {
        let call = gateway::call::Call::read(headers, body);
        let parameters = if call.fields.is_empty() {
            serde_json::from_slice(body).unwrap_or_default()
        } else {
            let fields = call.fields.into_iter();
            let fields: Map<_, _> = fields
                .map(|(name, value)| (name, Value::String(value)))
                .collect();
            Value::Object(fields)
        };
        Self {
            operation: call.operation,
            parameters: normalized(parameters),
        }
    }
}

fn normalized(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('{') => match serde_json::from_str(&text) {
            Ok(parsed) => normalized(parsed),
            Err(_) => Value::String(text),
        },
        Value::Array(elements) => elements.into_iter().map(normalized).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, normalized(member)))
            .collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::body::Bytes;
    use hyper::header::{HeaderName, HeaderValue};

    use super::Call;

    fn call(header: (&'static str, &'static str), body: &'static str) -> Call {
        let (name, value) = header;
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )]);
        Call::read(&headers, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn calls_are_equal_when_only_order_and_spaces_differ() {
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        let target = ("x-amz-target", "DynamoDB_20120810.UpdateItem");

        assert_eq!(
            call(
                form,
                "Action=DescribeVpcs&Filter.1.Name=vpc-id&Version=2016-11-15"
            ),
            call(
                form,
                "Version=2016-11-15&Filter.1.Name=vpc-id&Action=DescribeVpcs"
            ),
        );
        assert_eq!(
            call(target, r#"{"Value":{"S":"{\"a\":1,\"b\":[]}"}}"#),
            call(target, r#"{"Value": {"S": "{\"b\": [], \"a\": 1}"}}"#),
        );
        assert_ne!(
            call(target, r#"{"Value":{"S":"a"}}"#),
            call(target, r#"{"Value":{"S":"b"}}"#),
        );
    }
}
