//! The members of a replication group, which MiniStack names in another way.

use std::time::SystemTime;

use anyhow::Result;
use hyper::StatusCode;

use super::events::Event;
use super::ministack::{first_member, replication_group};
use super::{
    Call, ElastiCache, Element, Phase, Received, Reply, Upstream, describe, respond, written,
};

impl ElastiCache {
    /// A member bears another name in MiniStack, and none at all where it was added later: it is like the first.
    /// The call is passed on as it is all the same, so that the caller's policy is enforced.
    pub(super) async fn describe_members(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let answer = upstream.forward(request).await?;
        let wanted = call.field("CacheClusterId").unwrap_or_default();
        let named = wanted
            .rsplit_once('-')
            .and_then(|(id, number)| Some((self.found(id)?, number.parse::<u32>().ok()?)));
        let Some(((group, phase), number)) = named else {
            return Ok(respond(answer));
        };
        if answer.status != StatusCode::NOT_FOUND || number > group.nodes {
            return Ok(respond(answer));
        }
        let first = match &group.last_member {
            Some(last) if phase == Phase::Deleting => Some(last.clone()),
            _ => first_member(&group.id, upstream).await?,
        };
        let Some(mut shown) = first else {
            return Ok(respond(answer));
        };
        describe::cache_cluster(&mut shown, &group, number, &phase);
        Ok(written(&shown))
    }

    /// Whether the cache that a call names loses the replicas that are requested for it.
    pub(super) fn loses_replicas(&self, call: &Call) -> bool {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        self.found(id)
            .is_some_and(|(group, _)| group.loses_replicas)
    }

    /// Accepts a request for replicas that ElastiCache can't create: the group is modified for a while, and is what it was
    /// before.
    pub(super) async fn accept_and_lose(&self, call: &Call, upstream: &Upstream) -> Result<Reply> {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        let shown = replication_group(id, upstream).await?;
        self.change(call, |_| {});
        let date = SystemTime::now();
        self.state().events.push(Event {
            source_type: "replication-group",
            source: id.to_owned(),
            message: format!("A replica of {id} could not be created"),
            date,
        });
        let mut answer = Element::with(
            "IncreaseReplicaCountResponse",
            [Element::with("IncreaseReplicaCountResult", shown)],
        );
        self.show(&mut answer);
        Ok(written(&answer))
    }
}
