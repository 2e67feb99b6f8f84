//! The parts of an [ARN](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).

/// Returns whether a text is a partition, such as `aws` or `aws-us-gov`.
pub(super) fn is_partition(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.next() == Some("aws") && parts.all(is_word)
}

pub(super) fn is_region(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_allowed)
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
