//! What happened, told to users: they may not ask the stream of events themselves.

use lab_bus::{Incoming, events};
use lab_wire::request::EventList;

use crate::errand::Back;
use crate::leading::Leading;
use crate::read::answer;

impl Leading {
    /// `event.list`: a page of the stream, read beside the leader's own work.
    pub(crate) async fn events(&mut self, incoming: Incoming) {
        let asked: EventList = match incoming.decode() {
            Ok(asked) => asked,
            Err(problem) => return incoming.refuse(&problem).await,
        };
        let (bus, project) = (self.bus.clone(), incoming.address.project.clone());
        self.errands.push(async move {
            let page = events::page(&bus, &asked, project.as_ref()).await;
            answer(incoming, page.map_err(|error| error.problem())).await;
            Back::Answered
        });
    }
}
