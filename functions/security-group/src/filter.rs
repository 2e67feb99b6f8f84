//! Filters for EC2's describe calls.

use aws_sdk_ec2::types::Filter;

/// Returns a filter. `*` and `?` in its value are wildcards, so the results are compared again.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}
