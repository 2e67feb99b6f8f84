//! `cache.replicas`.

use crate::checked::checked_number;

checked_number!(
    /// The number of replicas in addition to the primary node. `NumCacheClusters` is at most 6, "1 primary plus 5 replicas"
    /// ([CreateReplicationGroup](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)).
    Replicas, 0..=5, default 0
);

#[cfg(test)]
mod tests {
    use super::Replicas;

    #[test]
    fn checks_bounds() {
        assert!(Replicas::try_from(5).is_ok());
        for number in [6, -1] {
            assert_eq!(
                Replicas::try_from(number).expect_err("a number that AWS rejects"),
                format!("{number} is out of range: 0 to 5")
            );
        }
    }
}
