//! `cache.notificationTopic`.

use aws_sdk_elasticache::types::{CacheCluster, NotificationConfiguration};
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

pub struct NotificationTopic;

impl Setting for NotificationTopic {
    fn field(&self) -> &'static str {
        "cache.notificationTopic"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["NotificationTopicArn"]
    }

    fn change(&self) -> Change {
        Change::InPlace(Step::Online)
    }

    fn requested(&self, input: &EnsureReplicationGroupInput) -> Option<Value> {
        Some(json!(input.spec.cache.notification_topic))
    }

    /// ElastiCache publishes nothing to a topic that isn't active, so it counts as none. A topic can't be removed, only
    /// deactivated.
    fn found(&self, found: Found<'_>) -> Option<Value> {
        let configuration = found.member()?.notification_configuration();
        let active =
            configuration.filter(|configuration| configuration.topic_status() == Some("active"));
        Some(json!(active.and_then(NotificationConfiguration::topic_arn)))
    }

    fn create(&self, call: Creation, input: &EnsureReplicationGroupInput) -> Creation {
        call.set_notification_topic_arn(topic(input))
    }

    fn modify(
        &self,
        call: Modification,
        found: Found<'_>,
        input: &EnsureReplicationGroupInput,
    ) -> Modification {
        if let Some(arn) = topic(input) {
            // The status, because ElastiCache may have deactivated the same topic.
            return call
                .notification_topic_arn(arn)
                .notification_topic_status("active");
        }
        // With its ARN, as AWS's page on notifications asks for:
        // https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ECEvents.SNS.html
        let arn = found
            .member()
            .and_then(CacheCluster::notification_configuration)
            .and_then(NotificationConfiguration::topic_arn);
        call.set_notification_topic_arn(arn.map(str::to_owned))
            .notification_topic_status("inactive")
    }
}

fn topic(input: &EnsureReplicationGroupInput) -> Option<String> {
    let topic = input.spec.cache.notification_topic.clone()?;
    Some(topic.into())
}
