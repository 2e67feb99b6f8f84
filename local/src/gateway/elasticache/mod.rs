//! ElastiCache as AWS runs it: a cache takes its time, and what AWS refuses is refused.
//!
//! MiniStack keeps the resources; this room knows where in its life each cache is. `life` decides the phase,
//! `strict` what is refused, `describe` what is shown, `events` what is told; `creation` and `deletion` take their
//! time, and `members` bear AWS's names.

mod creation;
mod deletion;
mod describe;
mod events;
mod lifecycle;
mod members;
mod ministack;
mod strict;
mod version;
mod window;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::Result;
use hyper::StatusCode;

use super::call::Call;
use super::clock::Clock;
use super::error_response::ErrorResponse;
use super::reply::{Reply, respond, written};
use super::upstream::{Answer, Received, Upstream};
use super::xml::Element;
use crate::valkey::{self, Valkey};
use events::Event;
pub use lifecycle::{Lifecycle, Outcome, Phase, Times};
use version::Engine;

/// The caches of the account. Clones share them.
#[derive(Clone)]
pub struct ElastiCache {
    clock: Clock,
    valkey: Option<Arc<Valkey>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    groups: BTreeMap<String, Group>,
    /// How caches live: each creation takes the next life, and the last one stays.
    lives: HashMap<String, VecDeque<Lifecycle>>,
    events: Vec<Event>,
    /// Caches that have gone and whose id another has now: their interfaces linger.
    earlier: Vec<Group>,
    /// By cache; none where it could not be started.
    servers: HashMap<String, Option<valkey::Server>>,
    addresses: valkey::Addresses,
    service_linked_role_is_missing: bool,
    /// The zones that have no node to give, by cache.
    exhausted: HashMap<String, Vec<String>>,
}

/// A replication group, beside what MiniStack knows of it.
#[derive(Clone, Debug)]
struct Group {
    id: String,
    lifecycle: Lifecycle,
    times: Times,
    created_at: SystemTime,
    address: SocketAddrV4,
    nodes: u32,
    engine: Engine,
    /// The status of a member that ElastiCache can't keep, by the member's number.
    failed_members: BTreeMap<u32, String>,
    /// Whether requested replicas disappear again.
    loses_replicas: bool,
    /// The name of its subnet group.
    subnets: String,
    security_groups: Vec<String>,
    /// What MiniStack showed of it, and of its first member, before it was deleted.
    last_shown: Option<Element>,
    last_member: Option<Element>,
}

impl ElastiCache {
    pub(super) fn new(clock: Clock, valkey: Option<Valkey>) -> Self {
        Self {
            clock,
            valkey: valkey.map(Arc::new),
            state: Arc::default(),
        }
    }

    pub(super) fn set_lifecycle(&self, replication_group: &str, lifecycle: Lifecycle) {
        self.state()
            .lives
            .entry(replication_group.to_owned())
            .or_default()
            .push_back(lifecycle);
    }

    pub(super) fn exhaust_capacity(&self, replication_group: &str, zones: Vec<String>) {
        let mut state = self.state();
        state.exhausted.insert(replication_group.to_owned(), zones);
    }

    pub(super) fn upgrade(&self, replication_group: &str, version: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            version.clone_into(&mut group.engine.version);
        }
    }

    pub(super) fn fail_member(&self, replication_group: &str, number: u32, status: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.failed_members.insert(number, status.to_owned());
        }
    }

    pub(super) fn lose_replicas(&self, replication_group: &str) {
        if let Some(group) = self.state().groups.get_mut(replication_group) {
            group.loses_replicas = true;
        }
    }

    pub(super) fn forget_service_linked_role(&self) {
        self.state().service_linked_role_is_missing = true;
    }

    /// Whether a cache, or what lingers of it, has interfaces in this security group.
    pub(super) fn uses_security_group(&self, id: &str) -> bool {
        let now = self.clock.now();
        let state = self.state();
        state.groups.values().chain(&state.earlier).any(|group| {
            let gone = group
                .times
                .deleted
                .map(|deleted| deleted + group.lifecycle.deleting + group.lifecycle.lingering);
            gone.is_none_or(|gone| now < gone)
                && group.security_groups.iter().any(|found| found == id)
        })
    }

    /// Answers a call as ElastiCache does.
    ///
    /// # Errors
    /// Where MiniStack does not answer.
    pub(super) async fn answer(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let error_response = self.refuse(call, upstream).await?;
        if call.operation == "ListTagsForResource" && error_response.is_some() {
            // Who may not ask hears that first.
            let answer = upstream.forward(request).await?;
            if !answer.status.is_success() {
                return Ok(respond(answer));
            }
        }
        if let Some(error_response) = error_response {
            return Ok(error_response.answer(call));
        }
        match call.operation.as_str() {
            "DescribeCacheClusters" => self.describe_members(call, request, upstream).await,
            "DescribeReplicationGroups" => self.describe(call, request, upstream).await,
            "DeleteReplicationGroup" => self.delete(call, request, upstream).await,
            "IncreaseReplicaCount" if self.loses_replicas(call) => {
                self.accept_and_lose(call, upstream).await
            }
            "DescribeCacheEngineVersions" => Ok(written(&version::described(call))),
            _ => {
                let answer = upstream.forward(request).await?;
                if !answer.status.is_success() {
                    return Ok(respond(answer));
                }
                self.take_note(call);
                if call.operation == "DescribeEvents" {
                    let now = SystemTime::now();
                    return Ok(written(&events::answer(call, &self.state().events, now)));
                }
                self.shown(&answer)
            }
        }
    }

    async fn refuse(&self, call: &Call, upstream: &Upstream) -> Result<Option<ErrorResponse>> {
        if let Some(error_response) = self.reject_for_role(call) {
            return Ok(Some(error_response));
        }
        if let Some(error_response) =
            strict::reject_state(call, |id| self.phase(id), || self.users_of(call))
        {
            return Ok(Some(error_response));
        }
        let group = call
            .field("ReplicationGroupId")
            .and_then(|id| self.found(id))
            .map(|(group, _)| group);
        let nodes = group.as_ref().map(|group| group.nodes);
        if let Some(error_response) = strict::reject_same_replicas(call, nodes) {
            return Ok(Some(error_response));
        }
        let running = group.map(|group| group.engine);
        let error_response = strict::reject_request(call, running.as_ref(), upstream).await?;
        if let Some(error_response) = error_response {
            return Ok(Some(error_response));
        }
        Ok(self.reject_for_capacity(call))
    }

    /// A creation in a zone without capacity. Where AWS chooses, it chooses such a one: else nobody would notice.
    fn reject_for_capacity(&self, call: &Call) -> Option<ErrorResponse> {
        if call.operation != "CreateReplicationGroup" {
            return None;
        }
        let id = call.field("ReplicationGroupId")?;
        let state = self.state();
        let exhausted = state.exhausted.get(id)?;
        let wanted = call.list("PreferredCacheClusterAZs");
        let is_exhausted = |zone: &&str| exhausted.iter().any(|found| found == zone);
        (wanted.is_empty() || wanted.iter().any(is_exhausted)).then(|| {
            // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
            ErrorResponse::new(
                "InsufficientCacheClusterCapacity",
                "The requested cache node type is not available in the specified Availability Zone.",
            )
        })
    }

    /// First use in an account whose administrator makes the role only after the first call has failed
    /// ([service-linked roles](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html)).
    /// AWS's words: <https://github.com/aws-controllers-k8s/community/issues/367>.
    fn reject_for_role(&self, call: &Call) -> Option<ErrorResponse> {
        let needs_role = matches!(
            call.operation.as_str(),
            "CreateCacheSubnetGroup" | "CreateReplicationGroup"
        );
        let mut state = self.state();
        if !needs_role || !state.service_linked_role_is_missing {
            return None;
        }
        state.service_linked_role_is_missing = false;
        Some(ErrorResponse::new(
            "ServiceLinkedRoleNotFoundFault",
            "This action cannot be completed due to insufficient permissions. (Recommended action) Please create new \
             role using IAM API CreateServiceLinkedRole.",
        ))
    }

    /// The caches that stand in the subnet group that a call names.
    fn users_of(&self, call: &Call) -> Vec<String> {
        let name = call.field("CacheSubnetGroupName").unwrap_or_default();
        let now = self.clock.now();
        self.state()
            .groups
            .values()
            .filter(|group| group.subnets.eq_ignore_ascii_case(name))
            .filter(|group| Phase::at(&group.lifecycle, group.times, now) != Phase::Gone)
            .map(|group| group.id.clone())
            .collect()
    }

    fn phase(&self, id: &str) -> Option<Phase> {
        self.found(id).map(|(_, phase)| phase)
    }

    fn found(&self, id: &str) -> Option<(Group, Phase)> {
        let state = self.state();
        let group = state.groups.get(id).cloned()?;
        let phase = Phase::at(&group.lifecycle, group.times, self.clock.now());
        let is_starting = self.valkey.is_some() && !state.servers.contains_key(id);
        // An endpoint is shown once somebody answers there.
        Some(match phase {
            Phase::Available if is_starting => (group, Phase::WithoutEndpoint),
            phase => (group, phase),
        })
    }

    /// What a successful call changes.
    fn take_note(&self, call: &Call) {
        match call.operation.as_str() {
            "CreateReplicationGroup" => self.create(call),
            "ModifyReplicationGroup" => self.change(call, |group| {
                group.engine.modify(call);
                let wanted = call.list("SecurityGroupIds");
                if !wanted.is_empty() {
                    group.security_groups = wanted.into_iter().map(str::to_owned).collect();
                }
            }),
            "IncreaseReplicaCount" | "DecreaseReplicaCount" => self.change(call, |group| {
                if let Some(replicas) = number(call, "NewReplicaCount") {
                    group.nodes = replicas + 1;
                }
            }),
            _ => {}
        }
    }

    fn change(&self, call: &Call, change: impl FnOnce(&mut Group)) {
        let id = call.field("ReplicationGroupId").unwrap_or_default();
        let now = self.clock.now();
        if let Some(group) = self.state().groups.get_mut(id) {
            group.times.changed = Some(now);
            change(group);
        }
    }

    async fn describe(
        &self,
        call: &Call,
        request: &Received,
        upstream: &Upstream,
    ) -> Result<Reply> {
        let answer = upstream.forward(request).await?;
        let is_deleting = answer.status == StatusCode::NOT_FOUND;
        let found = call
            .field("ReplicationGroupId")
            .filter(|_| is_deleting)
            .and_then(|id| self.found(id));
        let Some((group, Phase::Deleting)) = found else {
            return self.shown_with_deleting(call, &answer);
        };
        let groups = Element::with("ReplicationGroups", group.last_shown);
        let mut answer = Element::with(
            "DescribeReplicationGroupsResponse",
            [Element::with("DescribeReplicationGroupsResult", [groups])],
        );
        self.show(&mut answer);
        Ok(written(&answer))
    }

    /// A list of all caches holds those that are being deleted too, which MiniStack has forgotten.
    fn shown_with_deleting(&self, call: &Call, answer: &Answer) -> Result<Reply> {
        if !answer.status.is_success() || call.field("ReplicationGroupId").is_some() {
            return self.shown(answer);
        }
        let ids: Vec<_> = self.state().groups.keys().cloned().collect();
        let deleting: Vec<_> = ids
            .iter()
            .filter_map(|id| self.found(id))
            .filter(|(_, phase)| *phase == Phase::Deleting)
            .filter_map(|(group, _)| group.last_shown)
            .collect();
        let mut element = Element::read(&answer.body)?;
        element.each("ReplicationGroups", &mut |groups| {
            groups.extend(deleting.clone());
        });
        self.show(&mut element);
        Ok(written(&element))
    }

    /// MiniStack's answer, with each cache as it is in its life.
    fn shown(&self, answer: &Answer) -> Result<Reply> {
        if !answer.status.is_success() {
            return Ok(respond(answer.clone()));
        }
        let mut element = Element::read(&answer.body)?;
        self.show(&mut element);
        Ok(written(&element))
    }

    fn show(&self, answer: &mut Element) {
        describe::replication_groups(answer, &|id| self.found(id));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}


fn number(call: &Call, field: &str) -> Option<u32> {
    call.field(field)?.parse().ok()
}
