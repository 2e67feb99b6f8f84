//! `cache.snapshotRetentionDays`.

use crate::checked::checked_number;

checked_number!(
    /// How many days an automatic backup is kept. "The maximum backup retention limit is 35 days", and 0 turns backups off
    /// ([automatic backups](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-automatic.html)).
    SnapshotRetentionDays, 0..=35, default 1
);

#[cfg(test)]
mod tests {
    use super::SnapshotRetentionDays;

    #[test]
    fn checks_bounds() {
        assert!(SnapshotRetentionDays::try_from(35).is_ok());
        assert!(SnapshotRetentionDays::try_from(36).is_err());
    }
}
