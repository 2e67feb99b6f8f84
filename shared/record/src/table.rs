//! Reads and writes the table of records.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use crate::item::{Item, Record};
use crate::{Creation, Identity, LastResult, Observed};

/// The table of records.
#[derive(Clone, Debug)]
pub struct Table {
    /// The client that calls DynamoDB.
    pub dynamodb: Client,
    /// The table's name.
    pub name: String,
}

/// The condition of a write.
#[derive(Clone, Copy, Debug)]
pub enum Condition<'a> {
    /// No other run has written since this record was read.
    AsRead(&'a Record),
    /// The execution with this ARN holds the environment.
    HeldBy(&'a str),
}

/// The attributes that a write sets and removes. Each increments the record's version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    set: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
}

impl Update {
    /// Sets a text.
    #[must_use]
    pub fn set_text(mut self, name: &'static str, value: &str) -> Self {
        self.set.push((name, AttributeValue::S(value.to_owned())));
        self
    }

    /// Sets a number.
    #[must_use]
    pub fn set_number(mut self, name: &'static str, value: i64) -> Self {
        self.set.push((name, AttributeValue::N(value.to_string())));
        self
    }

    /// Sets a flag.
    #[must_use]
    pub fn set_flag(mut self, name: &'static str, value: bool) -> Self {
        self.set.push((name, AttributeValue::Bool(value)));
        self
    }

    /// Sets the cache's identity, if there is one.
    #[must_use]
    pub fn set_identity(self, identity: Option<&Identity>) -> Self {
        match identity {
            Some(identity) => self.set_text("cacheIdentity", &identity.to_json()),
            None => self,
        }
    }

    /// Sets the cache's creation, if there is one.
    #[must_use]
    pub fn set_creation(self, creation: Option<&Creation>) -> Self {
        match creation {
            // A struct of texts and flags always becomes JSON.
            Some(creation) => self.set_text(
                "creation",
                &serde_json::to_string(creation).unwrap_or_default(),
            ),
            None => self,
        }
    }

    /// Sets what a run observed about the cache, if there is something.
    #[must_use]
    pub fn set_observed(self, observed: Option<&Observed>) -> Self {
        match observed {
            // A struct of texts and numbers always becomes JSON.
            Some(observed) => self.set_text(
                "observed",
                &serde_json::to_string(observed).unwrap_or_default(),
            ),
            None => self,
        }
    }

    /// Sets the source that the cache's data is from, or removes it.
    #[must_use]
    pub fn set_restored_from(self, source: Option<&str>) -> Self {
        match source {
            Some(source) => self.set_text("restoredFrom", source),
            None => self.remove(&["restoredFrom"]),
        }
    }

    /// Sets when the recorded request was made, in milliseconds since 1970, if that is known.
    #[must_use]
    pub fn set_requested_at(self, requested_at: Option<i64>) -> Self {
        match requested_at {
            Some(milliseconds) => self.set_number("requestedAt", milliseconds),
            None => self,
        }
    }

    /// Sets the former subnet groups.
    #[must_use]
    pub fn set_former_subnet_groups(self, groups: &[String]) -> Self {
        self.set_all("formerSubnetGroups", groups)
    }

    /// Sets the keys of the tags that only earlier requests named.
    #[must_use]
    pub fn set_former_tags(self, keys: &[String]) -> Self {
        self.set_all("formerTags", keys)
    }

    /// Sets texts as a set. DynamoDB has no empty set, so without texts, the attribute is removed.
    fn set_all(mut self, name: &'static str, texts: &[String]) -> Self {
        if texts.is_empty() {
            return self.remove(&[name]);
        }
        self.set.push((name, AttributeValue::Ss(texts.to_vec())));
        self
    }

    /// Removes attributes. One that doesn't exist is no error.
    #[must_use]
    pub fn remove(mut self, names: &[&'static str]) -> Self {
        self.remove.extend(names);
        self
    }

    /// Returns the update expression and its values.
    fn expression(self) -> (String, Item) {
        let set: Vec<_> = self
            .set
            .iter()
            .map(|(name, _)| format!("{name} = :{name}"))
            .collect();
        let clause = |keyword: &str, names: Vec<String>| {
            (!names.is_empty()).then(|| format!("{keyword} {}", names.join(", ")))
        };
        let remove = self.remove.into_iter().map(str::to_owned).collect();
        let clauses = [
            clause("SET", set),
            clause("REMOVE", remove),
            Some("ADD version :one".to_owned()),
        ];
        let mut values: Item = self
            .set
            .into_iter()
            .map(|(name, value)| (format!(":{name}"), value))
            .collect();
        values.insert(":one".to_owned(), AttributeValue::N("1".to_owned()));
        let clauses: Vec<_> = clauses.into_iter().flatten().collect();
        (clauses.join(" "), values)
    }
}

impl Condition<'_> {
    /// Returns the condition expression, and adds its values.
    fn expression(self, values: &mut Item) -> String {
        let mut must_be = |name: &str, value: Option<AttributeValue>| match value {
            Some(value) => {
                values.insert(format!(":read_{name}"), value);
                format!("{name} = :read_{name}")
            }
            None => format!("attribute_not_exists({name})"),
        };
        let text = |text: &str| AttributeValue::S(text.to_owned());
        match self {
            Self::AsRead(record) => {
                let version = record.version.map(|version| version.to_string());
                let holder = must_be("holder", record.holder.as_deref().map(text));
                let version = must_be("version", version.map(AttributeValue::N));
                format!("{holder} AND {version}")
            }
            Self::HeldBy(execution) => must_be("holder", Some(text(execution))),
        }
    }
}

/// Reads all pages of a scan.
async fn read_pages(
    scan: ScanFluentBuilder,
) -> Result<Vec<Record>, SdkError<ScanError, HttpResponse>> {
    let items = scan.into_paginator().items().send().try_collect().await?;
    Ok(items.iter().map(Record::from_item).collect())
}

impl Table {
    /// Reads an environment's record, if it has one. The read is strongly consistent.
    ///
    /// # Errors
    /// Returns DynamoDB's error.
    pub async fn read(
        &self,
        environment: &str,
    ) -> Result<Option<Record>, SdkError<GetItemError, HttpResponse>> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.name)
            .key("environment", AttributeValue::S(environment.to_owned()))
            .consistent_read(true)
            .send()
            .await?;
        Ok(answer.item.as_ref().map(Record::from_item))
    }

    /// Reads every record. The read is strongly consistent.
    ///
    /// # Errors
    /// Returns DynamoDB's error.
    pub async fn read_all(&self) -> Result<Vec<Record>, SdkError<ScanError, HttpResponse>> {
        read_pages(self.scan()).await
    }

    /// Reads the records of all other environments. The read is strongly consistent.
    ///
    /// # Errors
    /// Returns DynamoDB's error.
    pub async fn read_others(
        &self,
        environment: &str,
    ) -> Result<Vec<Record>, SdkError<ScanError, HttpResponse>> {
        let others = self
            .scan()
            .filter_expression("#environment <> :environment")
            .expression_attribute_names("#environment", "environment")
            .expression_attribute_values(":environment", AttributeValue::S(environment.to_owned()));
        read_pages(others).await
    }

    fn scan(&self) -> ScanFluentBuilder {
        self.dynamodb
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
    }

    /// Writes if the condition holds. Otherwise, the inner `Err` is the current record.
    ///
    /// # Errors
    /// Returns DynamoDB's error.
    pub async fn write(
        &self,
        environment: &str,
        condition: Condition<'_>,
        update: Update,
    ) -> Result<Result<(), Record>, SdkError<UpdateItemError, HttpResponse>> {
        let (expression, mut values) = update.expression();
        let condition = condition.expression(&mut values);
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.name)
            .key("environment", AttributeValue::S(environment.to_owned()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else {
            return Ok(Ok(()));
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        {
            let current = failed.item.clone().unwrap_or_default();
            return Ok(Err(Record::from_item(&current)));
        }
        Err(error)
    }

    /// Stores how a run ended, `at` milliseconds since 1970, unless a later result is stored already. Returns whether
    /// it stored it. The write isn't counted as a version: it doesn't concern the claim.
    ///
    /// # Errors
    /// Returns DynamoDB's error.
    pub async fn store_result(
        &self,
        environment: &str,
        result: &LastResult,
        at: i64,
    ) -> Result<bool, SdkError<UpdateItemError, HttpResponse>> {
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.name)
            .key("environment", AttributeValue::S(environment.to_owned()))
            .update_expression("SET lastResult = :result, resultAt = :at")
            .condition_expression("attribute_not_exists(resultAt) OR resultAt < :at")
            .expression_attribute_values(":result", AttributeValue::S(result.to_json()))
            .expression_attribute_values(":at", AttributeValue::N(at.to_string()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::types::AttributeValue;
    use replay::dynamodb::{condition_failed, get_item};
    use replay::{Answer, Replay};
    use serde_json::{Value, json};

    use super::{Condition, Table, Update};
    use crate::item::{Item, Record};
    use crate::{Creation, Identity, LastResult};

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn number(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Item {
        values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn identity() -> Identity {
        Identity {
            vpc_id: "vpc-1".to_owned(),
            cache_name: "bandup-redis".to_owned(),
            security_group_name: "redis-sg".to_owned(),
            subnet_group_name: "data".to_owned(),
            shares_subnet_group: false,
            parameter_prefix: "/bandup/cache".to_owned(),
        }
    }

    #[test]
    fn update_counts_a_version_when_it_does_nothing_else() {
        let (expression, found) = Update::default().expression();

        assert_eq!(expression, "ADD version :one");
        assert_eq!(found, values([(":one", number("1"))]));
    }

    #[test]
    fn update_has_a_clause_for_each_kind_of_change() {
        let update = Update::default()
            .set_text("holder", "me")
            .remove(&["expiresAt", "takenOverAt"])
            .set_number("requestedAt", -1)
            .set_flag("protected", true)
            .remove(&["rollbackOf"]);

        let (expression, found) = update.expression();

        assert_eq!(
            expression,
            "SET holder = :holder, requestedAt = :requestedAt, protected = :protected \
             REMOVE expiresAt, takenOverAt, rollbackOf ADD version :one"
        );
        assert_eq!(
            found,
            values([
                (":holder", text("me")),
                (":requestedAt", number("-1")),
                (":protected", AttributeValue::Bool(true)),
                (":one", number("1")),
            ])
        );
    }

    #[test]
    fn update_has_no_set_clause_when_it_only_removes() {
        let (expression, _) = Update::default().remove(&["holder"]).expression();

        assert_eq!(expression, "REMOVE holder ADD version :one");
    }

    #[test]
    fn identity_and_creation_are_set_as_json() {
        let creation = Creation {
            execution: "run-1".to_owned(),
            ..Creation::default()
        };

        let (expression, found) = Update::default()
            .set_identity(Some(&identity()))
            .set_creation(Some(&creation))
            .expression();

        assert_eq!(
            expression,
            "SET cacheIdentity = :cacheIdentity, creation = :creation ADD version :one"
        );
        let json = |name: &str| -> Value {
            let text = found[name].as_s().expect("a text");
            serde_json::from_str(text).expect("JSON")
        };
        assert_eq!(
            json(":cacheIdentity"),
            json!({
                "vpcId": "vpc-1",
                "cacheName": "bandup-redis",
                "securityGroupName": "redis-sg",
                "subnetGroupName": "data",
                "parameterPrefix": "/bandup/cache"
            })
        );
        assert_eq!(
            json(":creation"),
            json!({
                "execution": "run-1",
                "placement": [],
                "rejections": [],
                "replaced": false,
                "deletionRequested": false
            })
        );
    }

    #[test]
    fn identity_and_creation_stay_when_there_are_none() {
        let update = Update::default().set_identity(None).set_creation(None);

        assert_eq!(update, Update::default());
    }

    #[test]
    fn former_subnet_groups_and_tags_are_sets_unless_there_are_none() {
        let groups = ["data", "old"].map(str::to_owned);
        let keys = ["team".to_owned()];

        let (some, found) = Update::default()
            .set_former_subnet_groups(&groups)
            .set_former_tags(&keys)
            .expression();
        let (none, _) = Update::default()
            .set_former_subnet_groups(&[])
            .set_former_tags(&[])
            .expression();

        assert_eq!(
            some,
            "SET formerSubnetGroups = :formerSubnetGroups, formerTags = :formerTags ADD version :one"
        );
        assert_eq!(
            found[":formerSubnetGroups"],
            AttributeValue::Ss(groups.to_vec())
        );
        assert_eq!(found[":formerTags"], AttributeValue::Ss(keys.to_vec()));
        // DynamoDB has no empty set.
        assert_eq!(
            none,
            "REMOVE formerSubnetGroups, formerTags ADD version :one"
        );
    }

    #[test]
    fn condition_names_what_was_read() {
        let record = |holder: Option<&str>, version| Record {
            holder: holder.map(str::to_owned),
            version,
            ..Record::default()
        };
        let holder = (":read_holder", text("other"));
        let version = (":read_version", number("7"));

        for (record, expected, expected_values) in [
            (
                record(None, None),
                "attribute_not_exists(holder) AND attribute_not_exists(version)",
                values([]),
            ),
            (
                record(None, Some(7)),
                "attribute_not_exists(holder) AND version = :read_version",
                values([version.clone()]),
            ),
            (
                record(Some("other"), None),
                "holder = :read_holder AND attribute_not_exists(version)",
                values([holder.clone()]),
            ),
            (
                record(Some("other"), Some(7)),
                "holder = :read_holder AND version = :read_version",
                values([holder, version]),
            ),
        ] {
            let mut found = Item::new();

            let expression = Condition::AsRead(&record).expression(&mut found);

            assert_eq!(expression, expected);
            assert_eq!(found, expected_values);
        }
    }

    #[test]
    fn condition_names_only_the_holder_when_held_by() {
        let mut found = values([(":holder", text("me"))]);

        let expression = Condition::HeldBy("me").expression(&mut found);

        assert_eq!(expression, "holder = :read_holder");
        // In addition to a value that the update sets.
        let expected = values([(":holder", text("me")), (":read_holder", text("me"))]);
        assert_eq!(found, expected);
    }

    fn table(replay: &Replay) -> Table {
        Table {
            dynamodb: Client::new(&replay.config()),
            name: "environments".to_owned(),
        }
    }

    #[tokio::test]
    async fn read_is_consistent_and_returns_the_record() {
        let replay = Replay::new([get_item(&json!({ "environment": "bandup", "version": 7 }))]);

        let found = table(&replay).read("bandup").await.expect("an answer");

        let found = found.expect("a record");
        assert_eq!(found.environment, "bandup");
        assert_eq!(found.version, Some(7));
        assert_eq!(
            replay.documents(),
            [(
                "GetItem".to_owned(),
                json!({
                    "TableName": "environments",
                    "Key": { "environment": { "S": "bandup" } },
                    "ConsistentRead": true
                })
            )]
        );
    }

    #[tokio::test]
    async fn read_returns_nothing_when_there_is_no_record() {
        let replay = Replay::new([Answer::ok("{}")]);

        let found = table(&replay).read("bandup").await.expect("an answer");

        assert_eq!(found, None);
    }

    #[tokio::test]
    async fn write_sends_update_and_condition() {
        let replay = Replay::new([Answer::ok("{}")]);
        let update = Update::default().set_text("lastExecution", "me");

        let found = table(&replay)
            .write("bandup", Condition::HeldBy("me"), update)
            .await;

        assert_eq!(found.expect("an answer"), Ok(()));
        assert_eq!(
            replay.documents(),
            [(
                "UpdateItem".to_owned(),
                json!({
                    "TableName": "environments",
                    "Key": { "environment": { "S": "bandup" } },
                    "UpdateExpression": "SET lastExecution = :lastExecution ADD version :one",
                    "ConditionExpression": "holder = :read_holder",
                    "ExpressionAttributeValues": {
                        ":lastExecution": { "S": "me" },
                        ":one": { "N": "1" },
                        ":read_holder": { "S": "me" }
                    },
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD"
                })
            )]
        );
    }

    #[tokio::test]
    async fn write_returns_current_record_when_condition_fails() {
        for (item, holder) in [
            (Some(json!({ "holder": "other" })), Some("other")),
            // The record was deleted, or the answer lacks it.
            (None, None),
        ] {
            let replay = Replay::new([condition_failed(item.as_ref())]);

            let found = table(&replay)
                .write("bandup", Condition::HeldBy("me"), Update::default())
                .await
                .expect("an answer");

            let current = found.expect_err("the condition failed");
            assert_eq!(current.holder.as_deref(), holder);
        }
    }

    #[tokio::test]
    async fn write_fails_when_dynamodb_rejects_it() {
        let replay = Replay::new([Answer::json_fault(400, "AccessDeniedException", "no")]);

        let found = table(&replay)
            .write("bandup", Condition::HeldBy("me"), Update::default())
            .await;

        let error = found.expect_err("an error");
        let error = error.as_service_error().expect("an answer of DynamoDB");
        assert_eq!(error.meta().code(), Some("AccessDeniedException"));
    }

    #[tokio::test]
    async fn stores_a_result_unless_a_later_one_is_stored() {
        for (answer, expected) in [(Answer::ok("{}"), true), (condition_failed(None), false)] {
            let replay = Replay::new([answer]);
            let result = LastResult {
                execution: "arn:run-1".to_owned(),
                failure: None,
            };

            let stored = table(&replay).store_result("bandup", &result, 5).await;

            assert_eq!(stored.expect("a response"), expected);
            let (_, update) = &replay.documents()[0];
            assert_eq!(
                update["UpdateExpression"],
                "SET lastResult = :result, resultAt = :at"
            );
            assert_eq!(
                update["ConditionExpression"],
                "attribute_not_exists(resultAt) OR resultAt < :at"
            );
            assert_eq!(
                update["ExpressionAttributeValues"],
                json!({ ":result": { "S": r#"{"execution":"arn:run-1"}"# }, ":at": { "N": "5" } })
            );
        }
    }
}
