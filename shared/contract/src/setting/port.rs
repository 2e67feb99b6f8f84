//! `cache.port`.

use crate::checked::checked_number;

checked_number!(
    /// The port that the cache listens on. ElastiCache rejects 8005 and the ports below 1150.
    /// [CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)
    /// has no rule, only its error message: `Invalid endpoint port: 1149. Valid range is 1150-8004,8006-65535`
    /// (<https://github.com/badmintoncryer/cdk-preflight>, which tested it on AWS in September 2026).
    Port, 1150..=65535, except 8005, default 6379
);

#[cfg(test)]
mod tests {
    use super::Port;

    #[test]
    fn checks_bounds_and_exception() {
        for port in [1150, 6379, 8004, 8006, 65535] {
            assert!(Port::try_from(port).is_ok(), "{port}");
        }
        for port in [0, 1149, 8005, 65536] {
            assert_eq!(
                Port::try_from(port).expect_err("a port that AWS rejects"),
                format!("{port} is out of range: 1150 to 65535, but not 8005")
            );
        }
    }
}
