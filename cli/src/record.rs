//! The records of the environments, as the state machines keep them.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use record::Item;

use crate::account::refused;

/// What is remembered of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub environment: String,
    /// The execution that is at work on it, or was when it was stopped.
    pub holder: Option<String>,
    /// The execution that last began to do what it was asked for.
    pub last_execution: Option<String>,
    /// When that was asked for.
    pub asked_at: Option<DateTime<Utc>>,
    pub cache_name: Option<String>,
    pub parameter_prefix: Option<String>,
    /// Whether a removal fails. False if the record doesn't have the attribute.
    pub protected: bool,
}

impl Record {
    /// That of an environment of which nothing is remembered.
    pub fn unknown(environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            ..Self::default()
        }
    }

    /// The parameter that holds the endpoint's URL.
    pub fn url_parameter(&self) -> String {
        let prefix = self.parameter_prefix.clone();
        let prefix = prefix.unwrap_or_else(|| format!("/{}/cache", self.environment));
        format!("{prefix}/url")
    }

    fn of(item: &Item) -> Self {
        let found = record::Record::from_item(item);
        let identity = found.identity;
        Self {
            environment: found.environment,
            holder: found.holder,
            last_execution: found.last_execution,
            asked_at: found.requested_at.and_then(DateTime::from_timestamp_millis),
            cache_name: identity
                .as_ref()
                .map(|identity| identity.cache_name.clone()),
            parameter_prefix: identity.map(|identity| identity.parameter_prefix),
            protected: found.protected,
        }
    }
}

/// One environment's record, where it has one.
pub async fn find(dynamodb: &Client, table: &str, environment: &str) -> Result<Option<Record>> {
    let answer = dynamodb
        .get_item()
        .table_name(table)
        .key("environment", AttributeValue::S(environment.to_owned()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| refused("GetItem", error))?;
    Ok(answer.item().map(Record::of))
}

/// Every record.
pub async fn all(dynamodb: &Client, table: &str) -> Result<Vec<Record>> {
    let items: Vec<_> = dynamodb
        .scan()
        .table_name(table)
        .consistent_read(true)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| refused("Scan", error))?;
    Ok(items.iter().map(Record::of).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::types::AttributeValue;

    use super::Record;

    #[test]
    fn reads_removal_protection() {
        let cases = [
            (None, false),
            (Some(AttributeValue::Bool(false)), false),
            (Some(AttributeValue::Bool(true)), true),
            (Some(AttributeValue::S("true".to_owned())), false),
        ];
        for (attribute, expected) in cases {
            let name = AttributeValue::S("bandup".to_owned());
            let mut item = HashMap::from([("environment".to_owned(), name)]);
            item.extend(
                attribute
                    .clone()
                    .map(|value| ("protected".to_owned(), value)),
            );

            let found = Record::of(&item);

            assert_eq!(found.protected, expected, "{attribute:?}");
        }
    }
}
