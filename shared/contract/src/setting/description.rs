//! `cache.description`.

use crate::checked::{checked_text, text_without_control_characters};

checked_text!(
    /// A replication group's description. AWS documents no limit in
    /// [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html),
    /// so the limits are envcache's: 255 characters, as for the descriptions of EC2's security groups
    /// ([CreateSecurityGroup](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html)),
    /// and none that XML, in which ElastiCache returns it, can't contain.
    Description,
    text_without_control_characters,
    rule "1 to 255 characters, none of them a control character.",
    schema { "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" }
);
