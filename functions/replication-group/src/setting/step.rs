//! The steps of a change, and when ElastiCache makes them.

use contract::spec::Apply;

/// A change of a run. ElastiCache applies the settings of one step with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The number of nodes, by operations of its own.
    Nodes,
    /// Without an interruption.
    Online,
    /// Automatic failover and Multi-AZ, without an interruption.
    Failover,
    /// The delivery of logs, without an interruption.
    Logs,
    /// Another parameter group of the same major version, without an interruption.
    ParameterGroup,
    /// An upgrade of the engine, in which ElastiCache replaces one node after the other.
    Upgrade,
    /// Another node type, for which ElastiCache creates new nodes and copies the data.
    NodeType,
}

/// When ElastiCache makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Immediately, together with everything that is pending: `ApplyImmediately` is true.
    Now,
    /// Immediately, and nothing else: `ApplyImmediately` is false, but ElastiCache doesn't defer it.
    Alone,
    /// In the maintenance window: `ApplyImmediately` is false.
    Window,
}

impl Step {
    /// Returns when ElastiCache makes the change.
    ///
    /// It defers only another node type and another engine version, and makes "other modifications" immediately
    /// ([modifying a cluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.Modify.html)). There are four
    /// exceptions: the number of replicas changes only [with
    /// `ApplyImmediately`](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html),
    /// so does [log delivery](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Log_Delivery.html), the parameter group
    /// changes ["when the `ApplyImmediately` parameter is specified as
    /// true"](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyReplicationGroup.html),
    /// and a user reports that failover is deferred without it
    /// (<https://github.com/hashicorp/terraform-provider-aws/issues/18737>).
    ///
    /// `leaves_pending` is whether online changes leave alone what is pending, as they always do if the request defers
    /// changes.
    pub fn when(self, requested: Apply, leaves_pending: bool) -> When {
        match (requested, self) {
            (Apply::Now, Self::Online) if leaves_pending => When::Alone,
            (Apply::Now, _)
            | (Apply::Window, Self::Nodes | Self::Failover | Self::Logs | Self::ParameterGroup) => {
                When::Now
            }
            (Apply::Window, Self::Online) => When::Alone,
            (Apply::Window, Self::Upgrade | Self::NodeType) => When::Window,
        }
    }
}
