//! Simulates the duration of a cache's deletion.

use anyhow::Result;

use super::ministack::{first_member, replication_group};
use super::{
    Call, ElastiCache, Element, Received, Reply, Upstream, reply_from_answer, reply_from_xml,
};

impl ElastiCache {
    /// Deletes a cache. MiniStack deletes it immediately, so its last description is returned until the deletion ends.
    pub(super) async fn delete(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        let last = replication_group(id, upstream).await?;
        let last_member = first_member(id, upstream).await?;
        let answer = upstream.forward(request).await?;
        if !answer.status.is_success() {
            return Ok(reply_from_answer(answer));
        }
        if let Some(snapshot) = call.field("FinalSnapshotIdentifier") {
            create_snapshot(snapshot, id, upstream).await?;
            self.save_snapshot(snapshot, id).await;
        }
        let now = self.clock.now();
        let deleting = {
            let mut state = self.state();
            let Some(group) = state.groups.get_mut(id) else {
                return Ok(reply_from_answer(answer));
            };
            group.times.deleted = Some(now);
            group.last_description.clone_from(&last);
            group.last_member = last_member;
            group.lifecycle.deleting
        };
        let (caches, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(caches.clock.real(deleting)).await;
            caches.state().servers.remove(&id);
        });
        let mut answer = Element::with(
            "DeleteReplicationGroupResponse",
            [Element::with("DeleteReplicationGroupResult", last)],
        );
        self.show(&mut answer);
        Ok(reply_from_xml(&answer))
    }
}

/// Creates the final snapshot of a deletion, which MiniStack doesn't do.
async fn create_snapshot(name: &str, group: &str, upstream: &Upstream) -> Result<()> {
    upstream
        .query(
            "elasticache",
            &[
                ("Action", "CreateSnapshot"),
                ("SnapshotName", name),
                ("ReplicationGroupId", group),
            ],
        )
        .await
        .map(drop)
}
