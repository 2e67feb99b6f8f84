//! One round of ensuring: reads the record and the group, decides, and makes at most one write to ElastiCache.

use aws_sdk_elasticache::types::{NodeGroup, ReplicationGroup};
use contract::error::{ErrorName, StepError, StepResult};
use contract::message::{EnsureReplicationGroupInput, EnsureReplicationGroupOutput};
use contract::{Action, Ownership};
use record::{Condition, Creation, Identity, Observed, Record, Table, Update};

use crate::adopt::adopt;
use crate::change::Answer;
use crate::compare::Change;
use crate::create::{Requested, create};
use crate::decide::{self, Next};
use crate::find::{Members, OwnershipCheck};
use crate::placement::Placement;
use crate::{change, compare, delete, find, plan, reason, schedule, version};

/// What it calls.
#[derive(Clone, Debug)]
pub struct Clients {
    /// ElastiCache.
    pub elasticache: aws_sdk_elasticache::Client,
    /// The table of records.
    pub records: Table,
}

/// Brings the replication group one step closer to the request: creates, replaces, adopts, or changes it. The state
/// machine calls it again until the group is up to date. A plan returns what a run would do, and writes nothing.
///
/// Every write to ElastiCache comes after a write to the record on the condition that this execution holds the
/// environment. That write stores what the next round has to know.
///
/// # Errors
/// Returns `NotOwned` if a group of the requested name isn't owned and isn't to be adopted, `Immutable` if AWS can't
/// change a difference in place, `CreateFailed` if ElastiCache couldn't create it, `InsufficientCapacity` if no zone has
/// capacity, `UnexpectedStatus` for a status that ElastiCache doesn't document or a member that doesn't recover, and
/// `Timeout` after 60 minutes of waiting. Otherwise, returns what AWS answered.
pub async fn ensure(
    clients: &Clients,
    stack: &str,
    input: EnsureReplicationGroupInput,
) -> StepResult<EnsureReplicationGroupOutput> {
    let environment = input.environment.as_str();
    let record = clients
        .records
        .read(environment)
        .await
        .map_err(|error| step::failure("GetItem", environment, error))?
        .unwrap_or_default();
    let round = Round {
        clients,
        stack,
        id: input.spec.cache.name.as_str(),
        input: &input,
        record: &record,
    };
    if !input.plan && record.holder.as_deref() != Some(&input.execution_arn) {
        return Ok(round.claim_lost());
    }
    let group = find::replication_group(&clients.elasticache, round.id).await?;
    let status = group
        .as_ref()
        .map(|group| group.status().unwrap_or("without a status"));
    match (decide::by_status(round.id, status)?, &group) {
        (Next::Wait(status), Some(group)) if status == "modifying" => round.modifying(group).await,
        (Next::Wait(status), _) => round.wait(&status),
        (Next::Create, _) | (_, None) => round.create().await,
        (Next::Replace, Some(group)) => round.replace(group).await,
        (Next::Compare, Some(group)) => round.compare(group).await,
    }
}

/// What an available group is found like before it is adopted or changed.
const NOT_YET_AS_REQUESTED: &str = "available, but not yet as requested,";

/// What a round knows.
struct Round<'a> {
    clients: &'a Clients,
    stack: &'a str,
    id: &'a str,
    input: &'a EnsureReplicationGroupInput,
    record: &'a Record,
}

impl Round<'_> {
    /// Creates the group in the next placement.
    async fn create(&self) -> StepResult<EnsureReplicationGroupOutput> {
        let version = self.version_of_new_cache();
        if self.input.plan {
            let cluster = find::standalone_cluster(&self.clients.elasticache, self.id).await?;
            return match cluster {
                None => Ok(plan::creation(self.input, "not there", None, &version)),
                Some(cluster) => Err(self.name_taken(&format!(
                    "a {} cache cluster of this name exists",
                    cluster.engine().unwrap_or("standalone")
                ))),
            };
        }
        let creation = decide::creation(self.input, self.record.creation.as_ref())?;
        let wait_seconds = self.wait_seconds("not there")?;
        if !self.record(Some(&creation), None).await? {
            return Ok(self.claim_lost());
        }
        let placement = Placement::from_zones(creation.placement.clone());
        let owner = self.input.spec.owner(self.stack);
        let outcome = match create(
            &self.clients.elasticache,
            &owner,
            self.input,
            placement.zones(),
            &version,
        )
        .await?
        {
            Requested::Accepted => match &placement {
                Placement::ServiceChosen => "created".to_owned(),
                Placement::Zones(_) => format!("created in {placement}"),
            },
            Requested::AlreadyExists => "exists already".to_owned(),
            Requested::NameTaken(reason) => {
                self.forget_request().await?;
                return Err(self.name_taken(&reason));
            }
            Requested::NoCapacity => {
                let tried = decide::without_capacity(&creation);
                if !self.record(Some(&tried), None).await? {
                    return Ok(self.claim_lost());
                }
                format!("no capacity in {placement}")
            }
        };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds,
        })
    }

    /// Deletes a failed creation of envcache's own; a later round creates the group again.
    async fn replace(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let reason = reason::of(&self.clients.elasticache, group).await;
        let recorded = self.record.creation.as_ref();
        let replacement = decide::replacement(self.input, recorded, &reason)?;
        if self.input.plan {
            let delete = Action::new("DeleteReplicationGroup", self.id);
            return Ok(plan::creation(
                self.input,
                "found create-failed",
                Some(delete),
                &self.version_of_new_cache(),
            ));
        }
        if !self.record(Some(&replacement), None).await? {
            return Ok(self.claim_lost());
        }
        // A failed creation has nothing to keep.
        let answer = delete::request(&self.clients.elasticache, self.id, None).await?;
        let outcome = match answer {
            delete::Requested::Accepted => format!("deleted after it failed: {reason}"),
            delete::Requested::Absent => "deleted already".to_owned(),
            delete::Requested::StillChanging => "not deletable yet".to_owned(),
        };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds: schedule::next_wait(self.input.seconds_waited),
        })
    }

    /// Waits for a group that is being modified, unless one of its members doesn't recover.
    async fn modifying(
        &self,
        group: &ReplicationGroup,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        // A group that isn't the environment's is only waited for: its tags can't be read now.
        let is_recorded = self.record.identity.is_some();
        match find::members(&self.clients.elasticache, group).await? {
            Members::Failed { id, status } if is_recorded => {
                self.member_failed(group, &id, &status).await
            }
            members => self.wait(&match members {
                Members::Failed { id, status } => format!("modifying: {id} is {status}"),
                Members::Available(_) | Members::Changing(_) => "modifying".to_owned(),
            }),
        }
    }

    /// Waits for a member that doesn't recover, until enough rounds have found it so.
    async fn member_failed(
        &self,
        group: &ReplicationGroup,
        member: &str,
        status: &str,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        let found = format!("changing: {member} is {status}");
        if self.input.plan {
            return self.wait(&found);
        }
        let waited = self.input.seconds_waited;
        let Some(observed) = decide::failed_member(&self.observed(), member, status, waited) else {
            let reason = reason::of(&self.clients.elasticache, group).await;
            return Err(StepError::new(
                ErrorName::UnexpectedStatus,
                format!(
                    "replication group {}: its member {member} is {status}, and ElastiCache doesn't recover it. {reason}. \
                     The group was left as it is. Correct the cause, {}, then start again",
                    self.id,
                    remedy_for(group, member)
                ),
            ));
        };
        let wait_seconds = self.wait_seconds(&found)?;
        // Without the identity: the group may not be adopted yet.
        let update = Update::default().set_observed(Some(&observed));
        if !self.write(update).await? {
            return Ok(self.claim_lost());
        }
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome: format!("found {found}"),
            wait_seconds,
        })
    }

    /// Compares an available group with the request, and adopts or changes it.
    async fn compare(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let elasticache = &self.clients.elasticache;
        let owner = self.input.spec.owner(self.stack);
        let adopts = self.input.spec.options.adopt;
        let ownership = match find::ownership(elasticache, &owner, adopts, group).await? {
            OwnershipCheck::Known(ownership) => ownership,
            OwnershipCheck::TagsUnavailable => return self.wait("changing"),
        };
        let members = match find::members(elasticache, group).await? {
            Members::Available(members) => members,
            Members::Changing(member) => return self.wait(&format!("changing: {member}")),
            Members::Failed { id, status } => return self.member_failed(group, &id, &status).await,
        };
        let Some(member) = members.first() else {
            return self.wait("without a member");
        };
        let changes = compare::changes(group, member, self.input)?;
        if self.input.plan {
            return Ok(plan::comparison(
                self.input, ownership, &changes, group, member,
            ));
        }
        // Compared first: a group that can't become what is requested isn't adopted.
        match (ownership, changes.into_iter().next()) {
            (Ownership::Owned, None) => {
                let endpoints = find::endpoints(group, &self.input.spec);
                match (endpoints, compare::engine_versions(member, self.input)) {
                    (Some(endpoints), Some(engine_version)) => {
                        Ok(EnsureReplicationGroupOutput::UpToDate {
                            outcome: "up to date".to_owned(),
                            endpoints,
                            engine_version,
                        })
                    }
                    (None, _) => self.wait("available, but without its endpoint"),
                    (_, None) => self.wait("available, but without its engine version"),
                }
            }
            (Ownership::Adoptable, _) => self.adopt(group).await,
            (Ownership::Owned, Some(next)) => self.change(group, next).await,
        }
    }

    /// Adopts an available group.
    async fn adopt(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED)?;
        if !self.record(None, None).await? {
            return Ok(self.claim_lost());
        }
        let owner = self.input.spec.owner(self.stack);
        let is_adopted = adopt(&self.clients.elasticache, &owner, group).await?;
        let outcome = if is_adopted {
            "adopted"
        } else {
            "found changing"
        };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome: outcome.to_owned(),
            wait_seconds,
        })
    }

    /// Makes the next change to an available group.
    async fn change(
        &self,
        group: &ReplicationGroup,
        next: Change,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        // Every member is available now.
        let before = Observed {
            failed_member: None,
            ..self.observed()
        };
        let waited = self.input.seconds_waited;
        let requesting = match next {
            Change::IncreaseReplicas(_) => match decide::replica_request(&before, waited) {
                None => return Err(self.replicas_disappeared(group).await),
                requesting => requesting,
            },
            _ => None,
        };
        let wait_seconds = self.wait_seconds(NOT_YET_AS_REQUESTED)?;
        if !self.record(None, requesting.as_ref()).await? {
            return Ok(self.claim_lost());
        }
        let action = next.to_action(self.id, group);
        let changing = format!("changing {next}");
        let (outcome, observed) =
            match change::apply(&self.clients.elasticache, self.id, next).await? {
                Answer::Accepted => (changing, None),
                // A request that wasn't accepted doesn't count.
                Answer::StillChanging => ("found changing".to_owned(), requesting.map(|_| before)),
                Answer::NothingToModify => {
                    let differences = action.differences();
                    let Some(observed) = decide::nothing_to_modify(&before, &differences, waited)
                    else {
                        return Err(step::nothing_to_modify(
                            &action.operation,
                            self.id,
                            &differences,
                        ));
                    };
                    ("found nothing to modify".to_owned(), Some(observed))
                }
            };
        if observed.is_some() && !self.record(None, observed.as_ref()).await? {
            return Ok(self.claim_lost());
        }
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds,
        })
    }

    /// ElastiCache has deleted the replicas that this execution requested.
    async fn replicas_disappeared(&self, group: &ReplicationGroup) -> StepError {
        StepError::new(
            ErrorName::UnexpectedStatus,
            format!(
                "replication group {} has {} instead of {} nodes: this run requested the missing replicas twice, and \
                 ElastiCache accepted the requests but doesn't have the replicas. {}. The other nodes were left as they \
                 are. Correct the cause, then start again",
                self.id,
                compare::nodes(group),
                self.input.spec.cache.nodes(),
                reason::of(&self.clients.elasticache, group).await,
            ),
        )
    }

    /// Something else than a replication group has the requested name, as `reason` says.
    fn name_taken(&self, reason: &str) -> StepError {
        StepError::new(
            ErrorName::NotOwned,
            format!(
                "CreateReplicationGroup {}: {reason}, and it is not part of a replication group. It was left as it is. Set \
                 cache.name to another name, or delete the cache cluster if nothing uses it, then start again",
                self.id
            ),
        )
    }

    /// Takes back what this round recorded about a request that ElastiCache rejected for its name: the next request may
    /// have another one.
    async fn forget_request(&self) -> StepResult<()> {
        // A retried invocation finds what the one before it recorded.
        let is_own = |creation: &Creation| creation.execution == self.input.execution;
        let earlier = self
            .record
            .creation
            .as_ref()
            .filter(|creation| !is_own(creation));
        let is_new = earlier.is_none() && self.record.engine_version.is_none();
        let update = match earlier {
            Some(creation) => Update::default().set_creation(Some(creation)),
            None if is_new => Update::default().remove(&["cacheIdentity", "creation"]),
            None => Update::default().remove(&["creation"]),
        };
        // A run that has lost its claim has nothing to take back.
        self.write(update).await.map(drop)
    }

    fn version_of_new_cache(&self) -> String {
        version::of_new_cache(
            self.input.spec.cache.engine_version.as_ref(),
            self.record.engine_version.as_deref(),
            &self.input.default_engine_version,
        )
    }

    /// Records the cache's identity, and its creation or what was observed, if this execution still holds the
    /// environment.
    async fn record(
        &self,
        creation: Option<&Creation>,
        observed: Option<&Observed>,
    ) -> StepResult<bool> {
        let identity = Identity::requested(&self.input.spec, &self.input.network);
        let update = Update::default()
            .set_identity(Some(&identity))
            .set_creation(creation)
            .set_observed(observed);
        self.write(update).await
    }

    /// Writes to the record, if this execution still holds the environment.
    async fn write(&self, update: Update) -> StepResult<bool> {
        let environment = self.input.environment.as_str();
        let condition = Condition::HeldBy(&self.input.execution_arn);
        self.clients
            .records
            .write(environment, condition, update)
            .await
            .map(|answer| answer.is_ok())
            .map_err(|error| step::failure("UpdateItem", environment, error))
    }

    fn observed(&self) -> Observed {
        decide::observed(self.input, self.record.observed.as_ref())
    }

    /// Waits for a group that `found` describes. A plan reports only that.
    fn wait(&self, found: &str) -> StepResult<EnsureReplicationGroupOutput> {
        let outcome = format!("found {found}");
        if self.input.plan {
            return Ok(plan::unknown(outcome));
        }
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome,
            wait_seconds: self.wait_seconds(found)?,
        })
    }

    fn wait_seconds(&self, found: &str) -> StepResult<u32> {
        schedule::wait_or_give_up(self.input.seconds_waited, self.id, found)
    }

    fn claim_lost(&self) -> EnsureReplicationGroupOutput {
        EnsureReplicationGroupOutput::ClaimLost {
            reason: format!(
                "another run has taken over environment `{}`, so this run stopped. To continue, start a new run",
                self.input.environment
            ),
        }
    }
}

/// Returns what to do about a member that doesn't recover. A replica can be deleted, but neither the primary
/// ([DeleteCacheCluster](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheCluster.html))
/// nor the only node.
fn remedy_for(group: &ReplicationGroup, member: &str) -> &'static str {
    let members = group
        .node_groups()
        .iter()
        .flat_map(NodeGroup::node_group_members);
    let is_primary = members
        .filter(|found| found.cache_cluster_id() == Some(member))
        .any(|found| found.current_role() == Some("primary"));
    if group.member_clusters().len() <= 1 {
        "or, if it is this environment's, remove the cache and request it again: it is the only node, so its data is lost \
         unless you restore a backup"
    } else if is_primary {
        "fail over to a replica in the ElastiCache console, delete the member there"
    } else {
        "delete the member in the ElastiCache console"
    }
}
