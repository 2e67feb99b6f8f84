//! The types of the cache's settings, one file for each setting or small family: its constraints with their source, and
//! its default.

mod arn;
mod auto_minor_version_upgrade;
mod description;
mod engine_version;
mod kms_key;
mod logs;
mod node_type;
mod notification_topic;
mod parameters;
mod port;
mod replicas;
mod restore_from;
mod snapshot_retention;
mod windows;

pub use auto_minor_version_upgrade::AutoMinorVersionUpgrade;
pub use description::Description;
pub use engine_version::EngineVersion;
pub use kms_key::KmsKey;
pub use logs::{Log, LogFormat, LogKind, LogRetentionDays, Logs};
pub use node_type::NodeType;
pub use notification_topic::NotificationTopic;
pub use parameters::Parameters;
pub use port::Port;
pub use replicas::Replicas;
pub use restore_from::{FileArn, Files, RestoreFrom, SnapshotName};
pub use snapshot_retention::SnapshotRetentionDays;
pub use windows::{MaintenanceWindow, SnapshotWindow};

pub(crate) use windows::check_overlap;
