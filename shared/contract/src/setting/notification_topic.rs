//! `cache.notificationTopic`.

use super::arn::{is_account, is_partition, is_region};
use crate::checked::{Check, checked_text, require};

checked_text!(
    /// The ARN of an SNS topic. ElastiCache publishes only to an unencrypted standard topic of the cache's account and Region
    /// ([notifications](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ElastiCacheSNS.html)).
    NotificationTopic,
    topic_arn,
    rule "`arn:aws:sns:{region}:{account}:{name}`; not a FIFO topic.",
    schema {
        "maxLength": 320,
        "pattern": "^arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"
    }
);

/// The format of [CreateTopic](https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html)'s `TopicArn`. The name of a
/// FIFO topic ends with `.fifo`.
fn topic_arn(text: &str) -> Check {
    let parts: Vec<_> = text.split(':').collect();
    let is_name = |name: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        (1..=256).contains(&name.len()) && name.bytes().all(is_allowed)
    };
    let is_topic = matches!(parts[..], ["arn", partition, "sns", region, account, name]
        if is_partition(partition) && is_region(region) && is_account(account) && is_name(name));
    require(
        is_topic && text.len() <= 320,
        "is not the ARN of a standard topic such as `arn:aws:sns:ap-southeast-1:123456789012:cache-events`",
    )
}

#[cfg(test)]
mod tests {
    use super::topic_arn;
    use crate::checked::assert_checks;

    #[test]
    fn accepts_arns_of_standard_topics() {
        assert_checks(
            topic_arn,
            &[
                ("arn:aws:sns:ap-southeast-1:123456789012:cache-events", ""),
                (
                    "arn:aws-us-gov:sns:us-gov-west-1:123456789012:Cache_Events",
                    "",
                ),
                (
                    "arn:aws:sns:ap-southeast-1:123456789012:events.fifo",
                    "not the ARN",
                ),
                ("arn:aws:sns:ap-southeast-1:12345:events", "not the ARN"),
                (
                    "arn:aws:sqs:ap-southeast-1:123456789012:events",
                    "not the ARN",
                ),
                (
                    "arn:aws-:sns:ap-southeast-1:123456789012:events",
                    "not the ARN",
                ),
                ("arn:aws:sns:ap-southeast-1:123456789012:", "not the ARN"),
                ("arn:aws:sns:ap-southeast-1:123456789012:a:b", "not the ARN"),
                ("cache-events", "not the ARN"),
            ],
        );
    }
}
