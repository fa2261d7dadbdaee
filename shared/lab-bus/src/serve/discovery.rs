//! Answering `$SRV.PING|INFO|STATS`. Source: NATS ADR-32.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use futures::stream::{SelectAll, select_all};
use lab_wire::{Access, RequestInfo, subject};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::incoming::EndpointStats;
use super::{GROUP, ServiceInfo, Sharing};
use crate::bus::{Bus, Headers, Message, SubscribeError, Subscription};

/// The service's side of discovery.
pub(super) struct Discovery {
    info: ServiceInfo,
    id: String,
    started: String,
    group: &'static str,
    asks: SelectAll<Subscription>,
}

type Endpoints = [(RequestInfo, Arc<EndpointStats>)];

impl Discovery {
    pub(super) async fn start(
        bus: &Bus,
        info: ServiceInfo,
        sharing: Sharing,
        endpoints: &Endpoints,
    ) -> Result<Self, SubscribeError> {
        let random: [u8; 14] = rand::random();
        let id = lab_types::ids::id_text(&random);
        let mut asks = Vec::new();
        for verb in ["PING", "INFO", "STATS"] {
            let whom = [
                String::new(),
                format!(".{}", info.name),
                format!(".{}.{id}", info.name),
            ];
            for whom in whom {
                asks.push(bus.subscribe(format!("$SRV.{verb}{whom}")).await?);
            }
        }
        tracing::debug!(
            service = info.name,
            id,
            endpoints = endpoints.len(),
            "serving"
        );
        let started = OffsetDateTime::now_utc().format(&Rfc3339);
        Ok(Self {
            info,
            id,
            started: started.unwrap_or_default(),
            group: match sharing {
                Sharing::Replicas => GROUP,
                Sharing::LeaderOnly => "",
            },
            asks: select_all(asks),
        })
    }

    /// The next one who asks. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.asks.next().await
    }

    pub(super) async fn answer(&self, bus: &Bus, ask: &Message, endpoints: &Endpoints) {
        let Some(reply) = &ask.reply else { return };
        let verb = ask.subject.split('.').nth(1).unwrap_or_default();
        let body = match verb {
            "PING" => self.common("ping"),
            "INFO" => self.describe(endpoints),
            "STATS" => self.statistics(endpoints),
            _ => return,
        };
        let body = body.to_string().into();
        // Whoever asked will ask again.
        let _ = bus.publish_bytes(reply.clone(), Headers::new(), body).await;
    }

    fn common(&self, what: &str) -> Value {
        json!({
            "type": format!("io.nats.micro.v1.{what}_response"),
            "name": self.info.name,
            "id": self.id,
            "version": self.info.version,
            "metadata": {},
        })
    }

    fn describe(&self, endpoints: &Endpoints) -> Value {
        let mut answer = self.common("info");
        answer["description"] = self.info.description.as_str().into();
        let endpoints = endpoints.iter().map(|(info, _)| {
            let mut endpoint = self.endpoint(info);
            endpoint["metadata"] = json!({
                "about": info.about,
                "access": match info.access {
                    Access::Read => "read",
                    Access::Change => "change",
                },
            });
            endpoint
        });
        answer["endpoints"] = endpoints.collect();
        answer
    }

    fn statistics(&self, endpoints: &Endpoints) -> Value {
        let mut answer = self.common("stats");
        answer["started"] = self.started.as_str().into();
        let endpoints = endpoints.iter().map(|(info, stats)| {
            let requests = stats.requests.load(Ordering::Relaxed);
            let took = stats.processing_ns.load(Ordering::Relaxed);
            let last_error = stats.last_error.lock().map(|last| last.clone());
            let mut endpoint = self.endpoint(info);
            endpoint["num_requests"] = requests.into();
            endpoint["num_errors"] = stats.errors.load(Ordering::Relaxed).into();
            endpoint["last_error"] = last_error.unwrap_or_default().into();
            endpoint["processing_time"] = took.into();
            endpoint["average_processing_time"] = took.checked_div(requests).unwrap_or(0).into();
            endpoint
        });
        answer["endpoints"] = endpoints.collect();
        answer
    }

    fn endpoint(&self, info: &RequestInfo) -> Value {
        json!({
            "name": format!("{}-{}", info.noun, info.verb),
            "subject": subject::request_pattern(info.noun, info.verb).as_str(),
            "queue_group": self.group,
        })
    }
}
