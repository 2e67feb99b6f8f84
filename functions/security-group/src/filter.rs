//! How EC2 is asked for some and not for all.

use aws_sdk_ec2::types::Filter;

/// `*` and `?` in a filter's value are wildcards, so what comes back is compared again.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
