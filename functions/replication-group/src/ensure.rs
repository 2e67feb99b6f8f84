//! One round of ensuring: reads the record and the group, decides, and makes at most one write to ElastiCache.

use aws_sdk_elasticache::types::ReplicationGroup;
use contract::error::StepResult;
use contract::message::{EnsureReplicationGroupInput, EnsureReplicationGroupOutput};
use contract::{Action, Possession};
use record::{Condition, Creation, Identity, Record, Table, Update};

use crate::adopt::adopt;
use crate::change::Answer;
use crate::compare::Change;
use crate::create::{Requested, create};
use crate::decide::{self, Next};
use crate::find::Ownership;
use crate::placement::Placement;
use crate::{change, compare, delete, find, plan, reason, schedule};

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
/// capacity, `UnexpectedStatus` for a status that ElastiCache doesn't document, and `Timeout` after 60 minutes of
/// waiting. Otherwise, returns what AWS answered.
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
        (Next::Wait(status), _) => round.wait(&status),
        (Next::Create, _) | (_, None) => round.create().await,
        (Next::Replace, Some(group)) => round.replace(group).await,
        (Next::Compare, Some(group)) => round.compare(group).await,
    }
}

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
        if self.input.plan {
            return Ok(plan::creation(self.input, "not there", None));
        }
        let creation = decide::creation(self.input, self.record.creation.as_ref())?;
        let wait_seconds = self.wait_seconds("not there")?;
        if !self.record(Some(&creation)).await? {
            return Ok(self.claim_lost());
        }
        let placement = Placement::from_zones(creation.placement.clone());
        let owner = self.input.spec.owner(self.stack);
        let outcome = match create(
            &self.clients.elasticache,
            &owner,
            self.input,
            placement.zones(),
        )
        .await?
        {
            Requested::Accepted => match &placement {
                Placement::ServiceChosen => "created".to_owned(),
                Placement::Zones(_) => format!("created in {placement}"),
            },
            Requested::AlreadyExists => "exists already".to_owned(),
            Requested::NoCapacity => {
                let tried = decide::without_capacity(&creation);
                if !self.record(Some(&tried)).await? {
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
            ));
        }
        if !self.record(Some(&replacement)).await? {
            return Ok(self.claim_lost());
        }
        // A failed creation has nothing to keep.
        let answer = delete::request(&self.clients.elasticache, self.id, None).await?;
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome: match answer {
                delete::Requested::Accepted => format!("deleted after it failed: {reason}"),
                delete::Requested::Absent => "deleted already".to_owned(),
                delete::Requested::StillChanging => "not deletable yet".to_owned(),
            },
            wait_seconds: schedule::next_wait(self.input.seconds_waited),
        })
    }

    /// Compares an available group with the request, and adopts or changes it.
    async fn compare(&self, group: &ReplicationGroup) -> StepResult<EnsureReplicationGroupOutput> {
        let elasticache = &self.clients.elasticache;
        let owner = self.input.spec.owner(self.stack);
        let adopts = self.input.spec.switches.adopt;
        let possession = match find::ownership(elasticache, &owner, adopts, group).await? {
            Ownership::Known(possession) => possession,
            Ownership::Unreadable => return self.wait("changing"),
        };
        let members = match find::members(elasticache, group).await? {
            Ok(members) => members,
            Err(changing) => return self.wait(&format!("changing: {changing}")),
        };
        let Some(member) = members.first() else {
            return self.wait("without a member");
        };
        let changes = compare::changes(group, member, self.input)?;
        if self.input.plan {
            return Ok(plan::comparison(
                self.input, possession, &changes, group, member,
            ));
        }
        // Compared first: a group that can't become what is requested isn't adopted.
        match (possession, changes.into_iter().next()) {
            (Possession::Ours, None) => match find::endpoints(group, &self.input.spec) {
                Some(endpoints) => Ok(EnsureReplicationGroupOutput::UpToDate {
                    outcome: "up to date".to_owned(),
                    endpoints,
                }),
                None => self.wait("available, but without its endpoint"),
            },
            (possession, next) => self.change(group, possession, next).await,
        }
    }

    /// Adopts an available group, or makes the next change to it.
    async fn change(
        &self,
        group: &ReplicationGroup,
        possession: Possession,
        next: Option<Change>,
    ) -> StepResult<EnsureReplicationGroupOutput> {
        let elasticache = &self.clients.elasticache;
        let wait_seconds = self.wait_seconds("available, but not yet as wanted,")?;
        if !self.record(None).await? {
            return Ok(self.claim_lost());
        }
        let (outcome, answer) = match next.filter(|_| possession == Possession::Ours) {
            None => {
                let owner = self.input.spec.owner(self.stack);
                (
                    "adopted".to_owned(),
                    adopt(elasticache, &owner, group).await?,
                )
            }
            Some(next) => (
                format!("changing {next}"),
                change::apply(elasticache, self.id, next).await?,
            ),
        };
        Ok(EnsureReplicationGroupOutput::Waiting {
            outcome: match answer {
                Answer::Accepted => outcome,
                Answer::StillChanging => "found changing".to_owned(),
            },
            wait_seconds,
        })
    }

    /// Records the cache's identity and its creation, if this execution still holds the environment.
    async fn record(&self, creation: Option<&Creation>) -> StepResult<bool> {
        let identity = Identity::requested(&self.input.spec, &self.input.network);
        let update = Update::default()
            .set_identity(Some(&identity))
            .set_creation(creation);
        let environment = self.input.environment.as_str();
        let condition = Condition::HeldBy(&self.input.execution_arn);
        self.clients
            .records
            .write(environment, condition, update)
            .await
            .map(|answer| answer.is_ok())
            .map_err(|error| step::failure("UpdateItem", environment, error))
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
