//! Replies to requests that change something: they leave when the core says so.

use std::collections::BTreeMap;

use lab_bus::Incoming;
use lab_placement::codes::NOT_LEADER;
use lab_placement::leader::{LeaderCore, Reply};
use lab_placement::{Answer, leader::Standing};
use lab_types::{Problem, RequestId};
use lab_wire::request::{NodeChanged, ProjectApplied, ProjectRemoved, ServiceChanged};

/// Requests that wait for their reply, by their idempotency id. A request that was repeated while the
/// first waits gets the same reply.
#[derive(Default)]
pub(crate) struct Waiting {
    requests: BTreeMap<RequestId, Vec<Incoming>>,
}

impl Waiting {
    /// Keeps a request until its reply is known.
    pub(crate) fn add(&mut self, id: RequestId, incoming: Incoming) {
        self.requests.entry(id).or_default().push(incoming);
    }

    /// Everybody who waits, for a scheduler that stops.
    pub(crate) fn rest(&mut self) -> Vec<Incoming> {
        let waiting = std::mem::take(&mut self.requests);
        waiting.into_values().flatten().collect()
    }

    /// Sends a reply to everybody of that user who waits for it.
    pub(crate) async fn answer(&mut self, reply: Reply, core: &LeaderCore) {
        let waiting = self.requests.remove(&reply.request).unwrap_or_default();
        let (his, others): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|incoming| incoming.address.user == reply.user);
        if !others.is_empty() && *core.standing() == Standing::Leading {
            self.requests.insert(reply.request, others);
        }
        for incoming in his {
            send(incoming, &reply.result).await;
        }
    }
}

async fn send(incoming: Incoming, result: &Result<Answer, Problem>) {
    match result {
        // The pass may be stored all the same; the next leader knows, and answers the repetition.
        Err(problem) if problem.code.0 == NOT_LEADER => incoming.try_again(&problem.message).await,
        Err(problem) => incoming.refuse(problem).await,
        Ok(Answer::ProjectApplied {
            revision,
            changed,
            retried,
            ..
        }) => {
            incoming
                .reply(&ProjectApplied {
                    revision: *revision,
                    changed: *changed,
                    retried: retried.clone(),
                })
                .await;
        }
        Ok(Answer::ProjectRemoved {
            services,
            networks,
            volumes,
            kept_volumes,
            changed,
            ..
        }) => {
            let removed = ProjectRemoved {
                services: services.clone(),
                networks: networks.iter().map(ToString::to_string).collect(),
                volumes: volumes.iter().map(ToString::to_string).collect(),
                kept_volumes: kept_volumes.iter().map(ToString::to_string).collect(),
                changed: *changed,
            };
            incoming.reply(&removed).await;
        }
        Ok(Answer::ServiceChanged {
            revision, changed, ..
        }) => {
            incoming
                .reply(&ServiceChanged {
                    revision: *revision,
                    changed: *changed,
                })
                .await;
        }
        Ok(Answer::NodeChanged { node, changed }) => {
            incoming
                .reply(&NodeChanged {
                    node: node.clone(),
                    changed: *changed,
                })
                .await;
        }
        // Nobody waits for the registration of a node, and an answer of a later version was given to
        // another leader: its sender asks again and reads the state.
        Ok(Answer::NodeRegistered { .. } | Answer::Unknown) => drop(incoming),
    }
}
