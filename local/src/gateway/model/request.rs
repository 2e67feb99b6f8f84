//! Checks a request against its operation's input.
//!
//! Forms: [query](https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#query-key-resolution) and
//! [EC2](https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#query-key-resolution).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::response::unreadable;
use super::service::{Kind, Member, Operation, Service, Shape, Wire, scalar};
use super::shape::{Violation, check, member_path};
use crate::gateway::call::Call;

/// Returns the violations in a request.
pub fn violations(
    service: &Service,
    operation: &Operation,
    call: &Call,
    body: &[u8],
) -> Vec<Violation> {
    let mut found = Vec::new();
    let value = match service.metadata.protocol {
        Wire::Json => match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return vec![unreadable(body, &format!("is not JSON: {error}"))],
        },
        Wire::Query | Wire::Ec2 => {
            let form = Form { service };
            let mut tree = Tree::default();
            for (name, text) in &call.fields {
                tree.insert(name, text, &mut found);
            }
            // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/CommonParameters.html
            tree.fields.remove("Action");
            let version = tree.fields.remove("Version").and_then(|tree| tree.text);
            if version.as_ref() != Some(&service.metadata.api_version) {
                let rule = format!("is not `{}`", service.metadata.api_version);
                found.push(Violation::new("Version", rule, &Value::from(version)));
            }
            form.value(&operation.input, &tree, "", &mut found)
        }
    };
    check(service, &operation.input, &value, "", &mut found);
    found
}

/// A form's fields by the parts of their names: `Filter.1.Value.2`.
#[derive(Default)]
struct Tree {
    text: Option<String>,
    fields: BTreeMap<String, Self>,
}

impl Tree {
    fn insert(&mut self, name: &str, text: &str, found: &mut Vec<Violation>) {
        let mut tree = self;
        for part in name.split('.') {
            tree = tree.fields.entry(part.to_owned()).or_default();
        }
        if tree.text.replace(text.to_owned()).is_some() {
            found.push(Violation::new(name, "is repeated", &Value::from(text)));
        }
    }

    /// Converts the fields without using a shape.
    fn to_value(&self) -> Value {
        match &self.text {
            Some(text) if self.fields.is_empty() => Value::from(text.as_str()),
            _ => self
                .fields
                .iter()
                .map(|(name, tree)| (name.clone(), tree.to_value()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

/// The form of a service's requests.
struct Form<'a> {
    service: &'a Service,
}

impl Form<'_> {
    /// Reads a value by its shape. Content that the shape doesn't describe is kept, so that `check` reports it.
    fn value(&self, member: &Member, tree: &Tree, path: &str, found: &mut Vec<Violation>) -> Value {
        let Some(shape) = self.service.shape(member) else {
            return tree.to_value();
        };
        match (shape.kind, &tree.text) {
            (Kind::Structure, None) => self.structure(&member.shape, shape, tree, path, found),
            (Kind::List, None) => self.list(shape, tree, path, found),
            // The query protocol writes an empty list as an empty text.
            (Kind::List, Some(text)) if text.is_empty() => Value::Array(Vec::new()),
            (kind, Some(text)) if tree.fields.is_empty() => scalar(kind, text),
            _ => tree.to_value(),
        }
    }

    fn structure(
        &self,
        name: &str,
        shape: &Shape,
        tree: &Tree,
        path: &str,
        found: &mut Vec<Violation>,
    ) -> Value {
        let mut members = Map::new();
        for (field, tree) in &tree.fields {
            let modeled = shape
                .members
                .iter()
                .find(|(name, member)| self.name_of(name, member) == *field);
            match modeled {
                Some((name, member)) => {
                    let path = member_path(path, name);
                    members.insert(name.clone(), self.value(member, tree, &path, found));
                }
                None => found.push(Violation::unknown(path, field, name, &tree.to_value())),
            }
        }
        members.into()
    }

    /// Returns a member's name in the form.
    fn name_of(&self, name: &str, member: &Member) -> String {
        let location = self.service.location_name(member);
        match self.service.metadata.protocol {
            Wire::Ec2 => member
                .query_name
                .clone()
                .or_else(|| location.map(capitalized))
                .unwrap_or_else(|| name.to_owned()),
            Wire::Query | Wire::Json => location.unwrap_or(name).to_owned(),
        }
    }

    /// Reads a list: `SubnetIds.SubnetIdentifier.1` in the query protocol, `SubnetId.1` in EC2's.
    fn list(&self, shape: &Shape, tree: &Tree, path: &str, found: &mut Vec<Violation>) -> Value {
        let Some(member) = &shape.member else {
            return tree.to_value();
        };
        let items = match self.service.metadata.protocol {
            Wire::Ec2 => Some(tree),
            Wire::Query | Wire::Json => {
                let name = self.service.location_name(member).unwrap_or("member");
                tree.fields.get(name).filter(|_| tree.fields.len() == 1)
            }
        };
        let Some(items) = items.and_then(numbered) else {
            found.push(Violation::new(
                path,
                "is not a list with members numbered from 1",
                &tree.to_value(),
            ));
            return Value::Array(Vec::new());
        };
        let path = format!("{path}[]");
        items
            .into_iter()
            .map(|tree| self.value(member, tree, &path, found))
            .collect()
    }
}

/// Returns a list's members, or `None` unless they are numbered from 1 without a gap.
fn numbered(tree: &Tree) -> Option<Vec<&Tree>> {
    let items: Option<Vec<_>> = (1..=tree.fields.len())
        .map(|number| tree.fields.get(&number.to_string()))
        .collect();
    items.filter(|items| tree.text.is_none() && !items.is_empty())
}

fn capitalized(name: &str) -> String {
    let mut rest = name.chars();
    rest.next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(rest)
        .collect()
}
