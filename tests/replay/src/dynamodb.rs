//! Answers of DynamoDB that the tests of several crates need.

use serde_json::{Value, json};

use crate::Answer;

/// Returns an item as DynamoDB writes it in JSON
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>). An array is a set of texts.
#[must_use]
pub fn item(attributes: &Value) -> Value {
    let attributes = attributes.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| {
            let value = match value {
                Value::Bool(_) => json!({ "BOOL": value }),
                Value::Number(number) => json!({ "N": number.to_string() }),
                Value::Array(_) => json!({ "SS": value }),
                _ => json!({ "S": value }),
            };
            (name.clone(), value)
        })
        .collect()
}

/// Returns the answer to [GetItem](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html) for an item
/// with these attributes.
#[must_use]
pub fn get_item(attributes: &Value) -> Answer {
    Answer::ok(json!({ "Item": item(attributes) }).to_string())
}

/// Returns the answer to [UpdateItem](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html) when
/// its condition isn't met, with the current item if the request asks for it and the item exists.
#[must_use]
pub fn condition_failed(current: Option<&Value>) -> Answer {
    let mut answer = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed"
    });
    if let Some(attributes) = current {
        answer["Item"] = item(attributes);
    }
    Answer::fault(400, answer.to_string())
}
