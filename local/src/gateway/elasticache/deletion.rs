//! A cache goes, and is shown until its time has come.

use anyhow::Result;

use super::ministack::{first_member, replication_group};
use super::{Call, ElastiCache, Element, Received, Reply, Upstream, respond, written};

impl ElastiCache {
    /// MiniStack deletes at once: what it showed until then is shown on until the time has come.
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
            return Ok(respond(answer));
        }
        if let Some(snapshot) = call.field("FinalSnapshotIdentifier") {
            take_snapshot(snapshot, id, upstream).await?;
        }
        let now = self.clock.now();
        let deleting = {
            let mut state = self.state();
            let Some(group) = state.groups.get_mut(id) else {
                return Ok(respond(answer));
            };
            group.times.deleted = Some(now);
            group.last_shown.clone_from(&last);
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
        Ok(written(&answer))
    }
}

/// The last backup that a deletion takes: MiniStack takes none.
async fn take_snapshot(name: &str, group: &str, upstream: &Upstream) -> Result<()> {
    upstream
        .ask(
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
