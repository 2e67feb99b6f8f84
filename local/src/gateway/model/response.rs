//! Checks a response against its operation's output.
//!
//! XML: [query](https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization) and
//! [EC2](https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#response-serialization).

use serde_json::{Map, Value};

use super::service::{Kind, Member, Operation, Service, Shape, Wire, scalar};
use super::shape::{Violation, check, member_path};
use crate::gateway::xml::Element;

/// Returns the violations in the body of a successful response.
pub fn violations(
    service: &Service,
    operation: &Operation,
    name: &str,
    body: &[u8],
) -> Vec<Violation> {
    let mut found = Vec::new();
    let value = match service.metadata.protocol {
        Wire::Json => match serde_json::from_slice(body) {
            Ok(value) => without_nulls(value),
            Err(error) => return vec![unreadable(body, &format!("is not JSON: {error}"))],
        },
        protocol => match Element::read(body) {
            Ok(root) => output(service, operation, protocol, name, &root, &mut found),
            Err(error) => return vec![unreadable(body, &format!("is not XML: {error}"))],
        },
    };
    match &operation.output {
        Some(output) => check(service, output, &value, "", &mut found),
        None if value.as_object().is_some_and(Map::is_empty) => {}
        None => found.push(Violation::new(
            "",
            "has an output, but the operation has none",
            &value,
        )),
    }
    found
}

/// Removes null members, which SDKs read as absent. Source: botocore's
/// [parsers.py](https://github.com/boto/botocore/blob/develop/botocore/parsers.py).
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Returns the violation of a body that isn't in the service's protocol.
pub fn unreadable(body: &[u8], rule: &str) -> Violation {
    let text = String::from_utf8_lossy(body);
    Violation::new("", rule, &Value::from(text))
}

/// Reads the output from an XML response, without the elements that the protocol adds.
fn output(
    service: &Service,
    operation: &Operation,
    protocol: Wire,
    name: &str,
    root: &Element,
    found: &mut Vec<Violation>,
) -> Value {
    if root.name != format!("{name}Response") {
        let rule = format!("is not in a `{name}Response`");
        found.push(Violation::new("", rule, &Value::from(root.name.as_str())));
    }
    let is_protocol_element = |element: &Element| match (protocol, element.name.as_str()) {
        (Wire::Ec2, "requestId") | (Wire::Query, "ResponseMetadata") => true,
        // EC2 documents `return` for operations without other output; the model contains it only for some of them:
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
        (Wire::Ec2, "return") => element.text() == "true",
        _ => false,
    };
    let wrapper = operation
        .output
        .as_ref()
        .and_then(|output| output.result_wrapper.as_deref());
    let inner = root.children().flat_map(|element| {
        if Some(element.name.as_str()) == wrapper {
            element.children().cloned().collect()
        } else if is_protocol_element(element) {
            Vec::new()
        } else {
            vec![element.clone()]
        }
    });
    let inner = Element::with(&root.name, inner);
    if let Some(wrapper) = wrapper.filter(|wrapper| root.child(wrapper).is_none()) {
        found.push(Violation::new(wrapper, "is required", &Value::Null));
    }
    match &operation.output {
        Some(output) => value(service, output, &inner, "", found),
        None => raw(&inner),
    }
}

/// Reads an element by its shape. Content that the shape doesn't describe is kept, so that `check` reports it.
fn value(
    service: &Service,
    member: &Member,
    element: &Element,
    path: &str,
    found: &mut Vec<Violation>,
) -> Value {
    let Some(shape) = service.shape(member) else {
        return raw(element);
    };
    let is_leaf = element.children().next().is_none();
    match shape.kind {
        Kind::Structure | Kind::List if is_leaf && !element.text().trim().is_empty() => {
            Value::from(element.text())
        }
        Kind::Structure => structure(service, &member.shape, shape, element, path, found),
        Kind::List => list(service, shape, element, path, found),
        kind if is_leaf => scalar(kind, element.text()),
        _ => raw(element),
    }
}

fn structure(
    service: &Service,
    name: &str,
    shape: &Shape,
    element: &Element,
    path: &str,
    found: &mut Vec<Violation>,
) -> Value {
    let mut members = Map::new();
    for child in element.children() {
        let modeled = shape
            .members
            .iter()
            .find(|(name, member)| service.location_name(member).unwrap_or(name) == child.name);
        let Some((name, member)) = modeled else {
            found.push(Violation::unknown(path, &child.name, name, &raw(child)));
            continue;
        };
        let path = member_path(path, name);
        let read = value(service, member, child, &path, found);
        if members.insert(name.clone(), read).is_some() {
            found.push(Violation::new(&path, "is repeated", &raw(child)));
        }
    }
    members.into()
}

fn list(
    service: &Service,
    shape: &Shape,
    element: &Element,
    path: &str,
    found: &mut Vec<Violation>,
) -> Value {
    let Some(member) = &shape.member else {
        return raw(element);
    };
    let name = service.location_name(member).unwrap_or("member");
    let path = format!("{path}[]");
    let mut items = Vec::new();
    for child in element.children() {
        if child.name == name {
            items.push(value(service, member, child, &path, found));
        } else {
            let rule = format!("is in `{}`, not in `{name}`", child.name);
            found.push(Violation::new(&path, rule, &raw(child)));
        }
    }
    items.into()
}

/// Converts an element without using a shape.
fn raw(element: &Element) -> Value {
    let members: Map<_, _> = element
        .children()
        .map(|child| (child.name.clone(), raw(child)))
        .collect();
    if members.is_empty() && !element.text().is_empty() {
        Value::from(element.text())
    } else {
        members.into()
    }
}
