//! `cache.notificationTopic`.

use aws_sdk_elasticache::types::{CacheCluster, NotificationConfiguration};
use contract::error::{ErrorName, StepError};
use contract::message::EnsureReplicationGroupInput;
use serde_json::{Value, json};

use super::{Change, Creation, Found, Modification, Setting, Step};

/// The field of a request.
pub const NOTIFICATION_TOPIC: &str = "cache.notificationTopic";

pub struct NotificationTopic;

impl Setting for NotificationTopic {
    fn field(&self) -> &'static str {
        NOTIFICATION_TOPIC
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

/// Returns the error for a topic that this execution has set and that isn't active.
///
/// ElastiCache deactivates a topic that it can't publish to. The remedy is that of
/// [notifications](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html).
pub fn topic_not_active(found: Found<'_>, input: &EnsureReplicationGroupInput) -> StepError {
    let configuration = found
        .member()
        .and_then(CacheCluster::notification_configuration);
    let shown = configuration.and_then(|configuration| {
        let arn = configuration.topic_arn()?;
        let status = configuration.topic_status().unwrap_or("unknown");
        Some(format!("the topic `{arn}` with the status {status}"))
    });
    StepError::new(
        ErrorName::UnexpectedStatus,
        format!(
            "replication group `{}`: the topic `{}` isn't active, although this run has set it twice. ElastiCache shows {}. It \
             deactivates a topic that it can't publish to. The cache was left in place, and changes that follow that of \
             {NOTIFICATION_TOPIC} were not made. Check that the topic exists, isn't encrypted, and has an access policy with \
             aws:SourceOwner (see docs/updates.md), or remove {NOTIFICATION_TOPIC} from the request, then start again",
            input.spec.cache.name,
            topic(input).unwrap_or_default(),
            shown.unwrap_or_else(|| "no topic".to_owned())
        ),
    )
}

fn topic(input: &EnsureReplicationGroupInput) -> Option<String> {
    let topic = input.spec.cache.notification_topic.clone()?;
    Some(topic.into())
}
