//! The members of a replication group, which have other names in MiniStack than on AWS.

use std::time::SystemTime;

use anyhow::Result;
use hyper::StatusCode;

use super::events::Event;
use super::ministack::{first_member, replication_group};
use super::{
    Call, ElastiCache, Element, Phase, Received, Reply, Upstream, describe, reply_from_answer,
    reply_from_xml,
};

impl ElastiCache {
    /// Describes a member. MiniStack names members differently, and doesn't have those that were added later, so every
    /// member is described like the first. MiniStack gets the unchanged call first, to enforce the caller's policy.
    pub(super) async fn describe_members(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let answer = upstream.forward(request).await?;
        let member = call
            .field("CacheClusterId")
            .and_then(|id| id.rsplit_once('-'))
            .and_then(|(id, number)| Some((self.find(id)?, number.parse::<u32>().ok()?)));
        let Some(((group, phase), number)) = member else {
            return Ok(reply_from_answer(answer));
        };
        if answer.status != StatusCode::NOT_FOUND || number > group.nodes {
            return Ok(reply_from_answer(answer));
        }
        let first = match &group.last_member {
            Some(last) if phase == Phase::Deleting => Some(last.clone()),
            _ => first_member(&group.id, upstream).await?,
        };
        let Some(mut description) = first else {
            return Ok(reply_from_answer(answer));
        };
        let parameter_group = &group.configuration.current.engine.parameter_group;
        let apply_status = self.parameter_apply_status(parameter_group);
        describe::cache_cluster(&mut description, &group, number, &phase, apply_status);
        Ok(reply_from_xml(&description))
    }

    /// Returns whether ElastiCache loses the replicas that are requested for the cache that a call names.
    pub(super) fn loses_replicas(&self, call: &Call) -> bool {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        self.find(id).is_some_and(|(group, _)| group.loses_replicas)
    }

    /// Accepts a request for replicas that ElastiCache can't create: the group is *modifying* for a while, and is then
    /// unchanged.
    pub(super) async fn accept_and_lose(&self, call: &Call, upstream: &Upstream) -> Result<Reply> {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        let description = replication_group(id, upstream).await?;
        self.modify(call, |_| {});
        let date = SystemTime::now();
        self.state().events.push(Event {
            source_type: "replication-group",
            source: id.to_owned(),
            message: format!("A replica of {id} could not be created"),
            date,
        });
        let mut answer = Element::with(
            "IncreaseReplicaCountResponse",
            [Element::with("IncreaseReplicaCountResult", description)],
        );
        self.show(&mut answer);
        Ok(reply_from_xml(&answer))
    }
}
