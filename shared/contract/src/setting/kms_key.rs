//! `cache.kmsKey`.

use super::arn::{is_account, is_partition, is_region};
use crate::checked::{Check, checked_text, require};

checked_text!(
    /// A KMS key, in one of the forms that
    /// [DescribeKey](https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html) accepts. Only AWS knows whether
    /// it exists.
    KmsKey,
    kms_key,
    rule "A key's ID or ARN, or an alias's name (`alias/{name}`) or ARN; not one of AWS's own aliases (`alias/aws/…`).",
    schema {
        "maxLength": 320,
        "pattern": "^((arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:)?alias/(?!aws/)[A-Za-z0-9:/_-]{1,250}|(arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/)?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}))$"
    }
);

impl KmsKey {
    /// Returns whether this is the name or the ARN of an alias, which can refer to another key later.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        self.0.starts_with("alias/") || self.0.contains(":alias/")
    }
}

/// A key's ARN has the ID after `key/`, and an alias's ARN has the name
/// ([key identifiers](https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id)). An alias's name can
/// contain colons.
fn kms_key(text: &str) -> Check {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let is_key = match parts[..] {
        ["arn", partition, "kms", region, account, resource] => {
            let is_resource =
                is_alias(resource) || resource.strip_prefix("key/").is_some_and(is_key_id);
            is_partition(partition) && is_region(region) && is_account(account) && is_resource
        }
        _ => is_alias(text) || is_key_id(text),
    };
    require(
        is_key && text.len() <= 320,
        "is not a KMS key, such as `alias/caches` or `1234abcd-12ab-34cd-56ef-1234567890ab`, or the ARN of one",
    )
}

/// The rule of [CreateAlias](https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html)'s `AliasName`, which
/// has up to 256 characters. `alias/aws/` is reserved for keys that AWS manages.
fn is_alias(text: &str) -> bool {
    text.strip_prefix("alias/").is_some_and(|name| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
        (1..=250).contains(&name.len()) && name.bytes().all(is_allowed) && !name.starts_with("aws/")
    })
}

/// A UUID, or the ID of a
/// [multi-Region key](https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html).
fn is_key_id(text: &str) -> bool {
    let is_hexadecimal = |part: &str| {
        part.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    match text.strip_prefix("mrk-") {
        Some(id) => id.len() == 32 && is_hexadecimal(id),
        None => lengths == [8, 4, 4, 4, 12] && text.split('-').all(is_hexadecimal),
    }
}

#[cfg(test)]
mod tests {
    use super::{KmsKey, kms_key};
    use crate::checked::assert_checks;

    const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const MULTI_REGION: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

    #[test]
    fn accepts_ids_aliases_and_arns() {
        let longest = format!("alias/{}", "a".repeat(250));
        let arn = |resource: &str| format!("arn:aws:kms:ap-southeast-1:123456789012:{resource}");
        for text in [
            KEY,
            MULTI_REGION,
            "alias/caches",
            "alias/team:web/Caches_1-2",
            "alias/aws",
            "alias/awsome/caches",
            &longest,
            &arn(&format!("key/{KEY}")),
            &arn(&format!("key/{MULTI_REGION}")),
            &arn("alias/caches"),
            &arn("alias/team:web"),
            &arn(&longest),
            &format!("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/{KEY}"),
        ] {
            assert_checks(kms_key, &[(text, "")]);
        }
    }

    #[test]
    fn rejects_other_texts() {
        let rule = "is not a KMS key";
        let too_long = format!("alias/{}", "a".repeat(251));
        for text in [
            "",
            "caches",
            "alias/",
            "alias/aws/elasticache",
            "alias/a b",
            &too_long,
            &format!("key/{KEY}"),
            &KEY.to_uppercase(),
            "1234abcd-12ab-34cd-56ef-1234567890a",
            "1234abcd12ab34cd56ef1234567890ab",
            "1234abcg-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd-12ab-34cd-56ef-1234567890ab",
            &format!("arn:aws:kms:ap-southeast-1:123456789012:{KEY}"),
            &format!("arn:aws:kms::123456789012:key/{KEY}"),
            &format!("arn:aws:kms:ap-southeast-1:12345:key/{KEY}"),
            &format!("arn:aws:sqs:ap-southeast-1:123456789012:key/{KEY}"),
            &format!("arn:aws-:kms:ap-southeast-1:123456789012:key/{KEY}"),
            "arn:aws:kms:ap-southeast-1:123456789012:alias/aws/elasticache",
        ] {
            assert_checks(kms_key, &[(text, rule)]);
        }
    }

    #[test]
    fn distinguishes_aliases_from_keys() {
        let is_alias = |text: &str| KmsKey::try_from(text.to_owned()).map(|key| key.is_alias());
        let arn = |resource: &str| format!("arn:aws:kms:ap-southeast-1:123456789012:{resource}");

        assert_eq!(is_alias("alias/caches"), Ok(true));
        assert_eq!(is_alias(&arn("alias/caches")), Ok(true));
        assert_eq!(is_alias(KEY), Ok(false));
        assert_eq!(is_alias(&arn(&format!("key/{KEY}"))), Ok(false));
    }
}
