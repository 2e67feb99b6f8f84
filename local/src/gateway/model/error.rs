//! Checks an error response against its operation's errors.

use serde_json::{Map, Value};

use super::response::unreadable;
use super::service::{Member, Operation, Service, Shape, Wire};
use super::shape::{Violation, check};
use crate::gateway::xml::Element;

/// The common errors of services with the query protocol:
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/CommonErrors.html>.
/// Three codes are not on that page. `Throttling` is in botocore's `_retry.json`. AWS returned
/// `ServiceLinkedRoleNotFoundFault` on an account's first use
/// (<https://github.com/aws-controllers-k8s/community/issues/367>), but the model has it for one operation only.
/// MiniStack and `fault` deny with `AccessDenied`, for which there is no source yet.
const QUERY: [(&str, u16); 21] = [
    ("AccessDenied", 403),
    ("AccessDeniedException", 400),
    ("IncompleteSignature", 400),
    ("InternalFailure", 500),
    ("InvalidAction", 400),
    ("InvalidClientTokenId", 403),
    ("InvalidParameterCombination", 400),
    ("InvalidParameterValue", 400),
    ("InvalidQueryParameter", 400),
    ("MalformedQueryString", 404),
    ("MissingAction", 400),
    ("MissingAuthenticationToken", 403),
    ("MissingParameter", 400),
    ("NotAuthorized", 400),
    ("OptInRequired", 403),
    ("RequestExpired", 400),
    ("ServiceLinkedRoleNotFoundFault", 400),
    ("ServiceUnavailable", 503),
    ("Throttling", 400),
    ("ThrottlingException", 400),
    ("ValidationError", 400),
];

/// The common errors of services with a JSON protocol:
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>.
const JSON: [(&str, u16); 15] = [
    ("AccessDeniedException", 400),
    ("IncompleteSignature", 400),
    ("IncompleteSignatureException", 400),
    ("InternalFailure", 500),
    ("InvalidAction", 400),
    ("InvalidClientTokenId", 403),
    ("MissingAuthenticationTokenException", 400),
    ("NotAuthorized", 400),
    ("OptInRequired", 403),
    ("RequestExpired", 400),
    ("ServiceUnavailable", 503),
    ("ThrottlingException", 400),
    ("UnrecognizedClientException", 400),
    ("ValidationError", 400),
    ("ValidationException", 400),
];

/// EC2's server errors; every other code is a client error:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
const EC2_SERVER: [(&str, u16); 6] = [
    ("InternalError", 500),
    ("InternalFailure", 500),
    ("RequestLimitExceeded", 503),
    ("ServerInternal", 500),
    ("ServiceUnavailable", 503),
    ("Unavailable", 503),
];

/// An error that was read from a response.
struct Read {
    code: String,
    /// The members of the error's shape; empty if the protocol writes only a message.
    members: Map<String, Value>,
}

/// Returns the violations in an error response.
pub fn violations(
    service: &Service,
    operation: &Operation,
    status: u16,
    body: &[u8],
) -> Vec<Violation> {
    let mut found = Vec::new();
    let read = match service.metadata.protocol {
        Wire::Json => json(body),
        Wire::Query => query(status, body, &mut found),
        Wire::Ec2 => ec2(body, &mut found),
    };
    let Some(Read { code, members }) = read else {
        found.push(unreadable(
            body,
            "is not an error of the service's protocol",
        ));
        return found;
    };
    let modeled = operation
        .errors
        .iter()
        .filter_map(|error| Some((error, service.shape(error)?)))
        .find(|(error, shape)| code_of(error, shape) == code);
    let expected = match modeled {
        Some((error, shape)) => {
            let members = with_modeled_message(shape, members);
            check(service, error, &members, "", &mut found);
            Some(status_of(shape))
        }
        None => unmodeled(service.metadata.protocol, &code, status),
    };
    match expected {
        None => found.push(Violation::new(
            "Code",
            "is neither an error of the operation nor a common one",
            &Value::from(code),
        )),
        Some(expected) if expected != status => found.push(Violation::new(
            "Code",
            format!("has HTTP status {status}, not {expected}"),
            &Value::from(code),
        )),
        Some(_) => {}
    }
    found
}

/// Returns an error's code on the wire.
fn code_of<'a>(error: &'a Member, shape: &'a Shape) -> &'a str {
    shape
        .error
        .as_ref()
        .and_then(|error| error.code.as_deref())
        .unwrap_or(&error.shape)
}

/// Returns an error's HTTP status. The default is
/// [400 for a client's and 500 for a server's](https://smithy.io/2.0/spec/http-bindings.html#httperror-trait).
fn status_of(shape: &Shape) -> u16 {
    shape
        .error
        .as_ref()
        .and_then(|error| error.http_status_code)
        .unwrap_or(if shape.fault { 500 } else { 400 })
}

/// Returns the HTTP status of a common error, or `None` for an unknown code. EC2's model has no errors, but EC2 has
/// hundreds of codes, so every well-formed code is accepted as a client error.
fn unmodeled(protocol: Wire, code: &str, status: u16) -> Option<u16> {
    let status_in = |errors: &[(&str, u16)]| {
        errors
            .iter()
            .find(|(common, _)| *common == code)
            .map(|(_, status)| *status)
    };
    match protocol {
        Wire::Query => status_in(&QUERY),
        Wire::Json => status_in(&JSON),
        Wire::Ec2 => status_in(&EC2_SERVER)
            .or_else(|| is_ec2_code(code).then_some(if status == 403 { 403 } else { 400 })),
    }
}

/// Returns whether a text has the form of a code such as `DependencyViolation` or `InvalidGroup.NotFound`.
fn is_ec2_code(code: &str) -> bool {
    code.split('.').all(|part| {
        part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// Reads [an error of a JSON
/// protocol](https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization).
fn json(body: &[u8]) -> Option<Read> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return None;
    };
    let kind = members.remove("__type")?;
    let code = kind.as_str()?.split(':').next()?.rsplit('#').next()?;
    Some(Read {
        code: code.to_owned(),
        members,
    })
}

/// Renames an error's `message` or `Message` to the shape's name of it: botocore's
/// [parsers.py](https://github.com/boto/botocore/blob/develop/botocore/parsers.py) reads either name from any JSON error.
fn with_modeled_message(shape: &Shape, mut members: Map<String, Value>) -> Value {
    let names = ["message", "Message"];
    if let Some(message) = names.into_iter().find_map(|name| members.remove(name))
        && let Some(name) = names
            .into_iter()
            .find(|name| shape.members.contains_key(*name))
    {
        members.insert(name.to_owned(), message);
    }
    members.into()
}

/// Reads [an error of the query
/// protocol](https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization).
fn query(status: u16, body: &[u8], found: &mut Vec<Violation>) -> Option<Read> {
    let root = Element::read(body).ok()?;
    let error = root
        .child("Error")
        .filter(|_| root.name == "ErrorResponse")?;
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    if error.text_of("Type") != fault {
        found.push(Violation::new(
            "Type",
            format!("is not `{fault}`, with HTTP status {status}"),
            &Value::from(error.text_of("Type")),
        ));
    }
    unknown_elements(&root, &["Error", "RequestId"], found);
    unknown_elements(error, &["Type", "Code", "Message", "Detail"], found);
    read(error, found)
}

/// Reads [an EC2 error](https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#operation-error-serialization).
fn ec2(body: &[u8], found: &mut Vec<Violation>) -> Option<Read> {
    let root = Element::read(body).ok()?;
    let error = root
        .at(&["Errors", "Error"])
        .filter(|_| root.name == "Response")?;
    unknown_elements(&root, &["Errors", "RequestID"], found);
    unknown_elements(error, &["Code", "Message"], found);
    read(error, found)
}

fn read(error: &Element, found: &mut Vec<Violation>) -> Option<Read> {
    if error.text_of("Message").is_empty() {
        found.push(Violation::new("Message", "is required", &Value::Null));
    }
    Some(Read {
        code: error.child("Code")?.text().to_owned(),
        members: Map::new(),
    })
}

fn unknown_elements(parent: &Element, known: &[&str], found: &mut Vec<Violation>) {
    for element in parent.children() {
        let name = element.name.as_str();
        if !known.contains(&name) {
            found.push(Violation::new(
                name,
                format!("is not an element of `{}`", parent.name),
                &Value::from(element.text()),
            ));
        }
    }
}
