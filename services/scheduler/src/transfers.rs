//! Images from node to node: an agent says what it lacks, the board says from whom it gets it, and the
//! source is told before the agent is.

use std::time::Duration;

use lab_bus::{Bus, Message};
use lab_kit::clock;
use lab_placement::images::{Ask, Looked, Stage, Verdict};
use lab_types::{Fence, NodeId, NodeName, StreamId, UserName};
use lab_wire::agent::{CheckAsk, CommandReply, StreamContent, StreamOpen};
use lab_wire::image::{IMAGE_MISSING, ImageAnswer, ImageStage, ImageStand};
use lab_wire::subject::CommandVerb;

use crate::agents::{self, say};
use crate::errand::{self, Back, Patience};
use crate::leading::Leading;
use crate::streams::new_stream_id;

/// How long a source may take to join a transfer: it looks for the image and subscribes.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the nodes may take to say whether they have an image: the agent that lacks it asks again and
/// again meanwhile, and a source that is left out is a source less.
const LOOK_PATIENCE: Patience = Patience {
    first: Duration::from_secs(10),
    others: Duration::from_secs(10),
};
/// When an agent asks again while the nodes are being asked: they answer within milliseconds.
const AGAIN_SOON_MS: u64 = 200;
/// When it asks again for its turn.
const AGAIN_MS: u64 = 1000;

/// What a node is told meanwhile.
const LOOKING: &str = "all nodes are asked for it";

/// A source that did not join.
#[derive(Debug)]
pub(crate) struct NotSent {
    pub(crate) image: String,
    pub(crate) target: NodeId,
    pub(crate) stream: StreamId,
    /// Whether it said that it does not have the image.
    pub(crate) lacks: bool,
}

/// A transfer that is to be opened.
struct Opening {
    image: String,
    source: NodeId,
    source_name: NodeName,
    target: NodeId,
    stream: StreamId,
}

impl Leading {
    /// Takes in how a node stands to an image, and answers what it is to do.
    pub(crate) async fn on_image(&mut self, node: NodeId, message: &Message) {
        let stand: ImageStand = match lab_wire::decode(&message.payload) {
            Ok(stand) => stand,
            Err(error) => {
                tracing::warn!(node_id = %node, %error, "an agent's message cannot be read");
                return;
            }
        };
        let Some(stage) = stage_of(stand.stage) else {
            return;
        };
        let working = self.working_nodes();
        let ids = working.iter().map(|(node, _)| node.clone()).collect();
        let ask = Ask {
            target: node.clone(),
            image: stand.image_id,
            stage,
        };
        let verdict = self
            .images
            .on_ask(&ask, &ids, new_stream_id(), clock::now());
        let Some(reply) = message.reply.clone() else {
            return;
        };
        let image = ask.image;
        let answer = match verdict {
            Verdict::GoOn => ImageAnswer::GoOn,
            Verdict::Nobody => ImageAnswer::Nobody,
            Verdict::Looking => wait(LOOKING, AGAIN_SOON_MS),
            Verdict::Look => {
                self.look(image, working);
                wait(LOOKING, AGAIN_SOON_MS)
            }
            Verdict::Queue { sources: 1 } => wait(
                "the one node that has it is sending it to others first",
                AGAIN_MS,
            ),
            Verdict::Queue { sources } => wait(
                &format!("the {sources} nodes that have it are sending it to others first"),
                AGAIN_MS,
            ),
            Verdict::NotAll => wait(
                "no node that works has it, and not all do; `tercio node ls` shows which do not, \
                 `tercio up --build` builds it again",
                AGAIN_MS,
            ),
            Verdict::Draw { source, stream } => {
                let name = working.into_iter().find(|(id, _)| *id == source);
                let source_name = name.map(|(_, name)| name);
                let opening = Opening {
                    image,
                    source_name: source_name
                        .expect("invariant: the board names one of the nodes it was given"),
                    source,
                    target: node,
                    stream,
                };
                return self.open_transfer(opening, reply);
            }
        };
        say(&self.bus, reply, &answer).await;
    }

    /// Asks all nodes that work for the image.
    fn look(&mut self, image: String, working: Vec<(NodeId, NodeName)>) {
        let (bus, fence) = (self.bus.clone(), self.fence());
        let all_work = working.len() == self.core.lab().desired.nodes.len();
        self.errands.push(async move {
            let ask = CheckAsk {
                fence,
                images: vec![image.clone()],
            };
            let count = working.len();
            let replies = errand::look(&bus, working, &ask, LOOK_PATIENCE).await;
            let told = replies.iter().filter(|(_, reply)| reply.is_ok()).count();
            let complete = all_work && told == count;
            let has = |reply: &lab_wire::agent::CheckReply| reply.images.contains_key(&image);
            let holders = replies
                .into_iter()
                .filter(|(_, reply)| reply.as_ref().is_ok_and(has))
                .map(|(node, _)| node)
                .collect();
            Back::Looked(Looked {
                image,
                holders,
                complete,
            })
        });
    }

    /// Has the source join, then tells the target, which finds it there.
    fn open_transfer(&mut self, opening: Opening, reply: String) {
        let (bus, fence) = (self.bus.clone(), self.fence());
        self.errands.push(async move {
            let lacks = match open(&bus, fence, &opening).await {
                Ok(()) => {
                    let answer = ImageAnswer::Draw {
                        fence,
                        source: opening.source,
                        source_name: opening.source_name,
                        stream: opening.stream,
                    };
                    say(&bus, reply, &answer).await;
                    return Back::Answered;
                }
                Err(lacks) => lacks,
            };
            let words = format!("node {} cannot send it now", opening.source_name);
            say(&bus, reply, &wait(&words, AGAIN_SOON_MS)).await;
            Back::NotSent(NotSent {
                image: opening.image,
                target: opening.target,
                stream: opening.stream,
                lacks,
            })
        });
    }
}

/// Whether the source joined; else whether it lacks the image.
async fn open(bus: &Bus, fence: Fence, opening: &Opening) -> Result<(), bool> {
    let command = StreamOpen {
        fence,
        user: UserName::new("scheduler").expect("invariant: letters only"),
        stream: opening.stream.clone(),
        content: StreamContent::SendImage {
            image_id: opening.image.clone(),
            to: opening.target.clone(),
        },
    };
    let to = (&opening.source, CommandVerb::Open);
    let source = &opening.source_name;
    match agents::ask(bus, to, &command, OPEN_TIMEOUT).await {
        Ok(CommandReply::Done) => Ok(()),
        Ok(CommandReply::Refused { problem }) => {
            tracing::warn!(%source, error = %problem, "a node does not send an image");
            Err(problem.code.0 == IMAGE_MISSING)
        }
        Ok(CommandReply::Unknown) => Err(false),
        Err(error) => {
            tracing::warn!(%source, %error, "a node does not answer that it sends an image");
            Err(false)
        }
    }
}

fn wait(words: &str, again_ms: u64) -> ImageAnswer {
    ImageAnswer::Wait {
        words: words.to_owned(),
        again_ms,
    }
}

fn stage_of(stage: ImageStage) -> Option<Stage> {
    Some(match stage {
        ImageStage::Lacks => Stage::Lacks,
        ImageStage::Draws { source, stream } => Stage::Draws { source, stream },
        ImageStage::Broke { source } => Stage::Broke { source },
        ImageStage::Has => Stage::Has,
        ImageStage::Unknown => return None,
    })
}
