//! Reads the environment records.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use chrono::{DateTime, Utc};
use record::{LastResult, Table};

use crate::account::aws_error;

/// The values of an environment's record that the commands use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub environment: String,
    /// The execution that holds the claim. It runs, or ended before it released the claim.
    pub holder: Option<String>,
    /// The execution whose request was recorded last.
    pub last_execution: Option<String>,
    /// The time of that request.
    pub requested_at: Option<DateTime<Utc>>,
    pub cache_name: Option<String>,
    pub parameter_prefix: Option<String>,
    /// Whether removals are rejected. False if the record doesn't have the attribute.
    pub protected: bool,
    /// The result of the run that ended last. None if an earlier version of envcache wrote the record.
    pub last_result: Option<LastResult>,
    /// When that run ended.
    pub result_at: Option<DateTime<Utc>>,
}

impl Record {
    /// Returns an empty record for an environment that has none.
    pub fn unknown(environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            ..Self::default()
        }
    }

    /// Returns the name of the parameter that holds the endpoint's URL.
    pub fn url_parameter(&self) -> String {
        let prefix = self.parameter_prefix.clone();
        let prefix = prefix.unwrap_or_else(|| format!("/{}/cache", self.environment));
        format!("{prefix}/url")
    }

    fn of(found: record::Record) -> Self {
        let identity = found.identity;
        Self {
            environment: found.environment,
            holder: found.holder,
            last_execution: found.last_execution,
            requested_at: found.requested_at.and_then(DateTime::from_timestamp_millis),
            cache_name: identity
                .as_ref()
                .map(|identity| identity.cache_name.clone()),
            parameter_prefix: identity.map(|identity| identity.parameter_prefix),
            protected: found.protected,
            last_result: found.last_result,
            result_at: found.result_at.and_then(DateTime::from_timestamp_millis),
        }
    }
}

fn open(dynamodb: &Client, table: &str) -> Table {
    Table {
        dynamodb: dynamodb.clone(),
        name: table.to_owned(),
    }
}

/// Reads an environment's record; none if there is none.
pub async fn find(dynamodb: &Client, table: &str, environment: &str) -> Result<Option<Record>> {
    let found = open(dynamodb, table).read(environment).await;
    let found = found.map_err(|error| aws_error("GetItem", error))?;
    Ok(found.map(Record::of))
}

/// Reads every record, and returns them in the order of their environments' names.
pub async fn all(dynamodb: &Client, table: &str) -> Result<Vec<Record>> {
    let found = open(dynamodb, table).read_all().await;
    let found = found.map_err(|error| aws_error("Scan", error))?;
    let mut records: Vec<_> = found.into_iter().map(Record::of).collect();
    records.sort_by(|one, other| one.environment.cmp(&other.environment));
    Ok(records)
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

            let found = Record::of(record::Record::from_item(&item));

            assert_eq!(found.protected, expected, "{attribute:?}");
        }
    }
}
