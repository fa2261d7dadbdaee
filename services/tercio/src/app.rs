//! What every command needs: options, surroundings, the screen, and the way to the lab.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab_bus::{Bus, CallOptions, ConnectError, ConnectOptions, Credentials};
use lab_kit::paths::{Surroundings, state_dir};
use lab_types::{ProjectName, RequestId, UserName};
use lab_wire::{Request, RequestAddress};
use tokio_util::sync::CancellationToken;

use crate::cli::{Format, Globals};
use crate::context::{Context, Wish, issued_creds, resolve};
use crate::failure::{Failure, Outcome, Tell as _};
use crate::lab::{self, file::LabFile};
use crate::output::screen::Screen;

/// The user whose name stands in a shown message when no lab says another.
const USER_DEFAULT: &str = "admin";

/// How long this machine's NATS may be away: it is started again 0.1 s after its end, and a little
/// later each time it ends again at once.
const RESTART_MAX: Duration = Duration::from_secs(5);

/// A command's surroundings.
#[derive(Clone, Debug)]
pub struct App {
    /// What was said for all commands.
    pub globals: Globals,
    /// The environment; variables that are not UTF-8 are left out.
    pub environment: BTreeMap<String, String>,
    /// The current folder.
    pub folder: PathBuf,
    /// The outputs.
    pub screen: Screen,
    /// Cancelled by the first Ctrl-C.
    pub interrupt: CancellationToken,
}

impl App {
    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    /// Where this machine's lab keeps its state.
    ///
    /// # Errors
    /// Nothing says where.
    pub fn state_dir(&self) -> Outcome<PathBuf> {
        if let Some(path) = &self.globals.state_dir {
            return Ok(self.folder.join(path));
        }
        state_dir(&Surroundings::read()).tell()
    }

    /// Which lab is configured, if any.
    ///
    /// # Errors
    /// Half a configuration, or an unreadable one.
    pub fn context(&self) -> Outcome<Option<Context>> {
        let flags = Wish {
            nats_url: self.globals.nats_url.clone(),
            creds: self.globals.creds.clone(),
            user: self.globals.user.clone(),
        };
        let environment = Wish::of_environment(|name| self.variable(name))?;
        let state_dir = self.state_dir();
        let lab = match &state_dir {
            Ok(path) => LabFile::read(path)?,
            Err(_) => None,
        };
        let issued = |user: &UserName| issued_creds(state_dir.as_ref().ok()?, user);
        resolve(flags, environment, lab.as_ref(), issued)
    }

    /// The lab of this machine as far as it runs, or the one that is configured.
    ///
    /// # Errors
    /// As [`App::context`].
    pub fn running_context(&self) -> Outcome<Option<Context>> {
        let Some(context) = self.context()? else {
            return Ok(None);
        };
        if context.local {
            let state_dir = self.state_dir()?;
            let external = LabFile::read(&state_dir)?.is_some_and(|lab| lab.external);
            if !external && lab::holder(&state_dir).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(context))
    }

    /// Connects to the lab.
    ///
    /// # Errors
    /// There is none, it does not run, or it does not accept the credentials.
    pub async fn connect(&self) -> Outcome<Client> {
        match self.running_context()? {
            Some(context) => Client::connect(&context).await,
            None => Err(Failure::new(
                "CLI0002",
                "no lab is configured, and none runs on this machine",
                "start one here with `tercio lab start` (`tercio up` does so by itself),\n\
                 or name one with -H and --creds, or TERCIO_NATS_URL and TERCIO_CREDS",
            )),
        }
    }

    /// Connects to the lab; starts one on this machine when none is configured.
    ///
    /// # Errors
    /// As [`App::connect`], or that the lab does not start.
    pub async fn connect_or_start(&self) -> Outcome<Client> {
        if let Some(context) = self.context()?.filter(|context| !context.local) {
            return Client::connect(&context).await;
        }
        let state_dir = self.state_dir()?;
        if let Some(client) = self.connect_to_started(&state_dir).await? {
            return Ok(client);
        }
        let why = match LabFile::read(&state_dir)? {
            Some(_) => "The lab of this machine does not run: starting it",
            None => "No lab is configured: starting one on this machine",
        };
        let place = state_dir.display();
        self.screen
            .say(&format!("{why}, in the background (state in {place})\n"));
        match lab::start::start(&state_dir, &self.interrupt).await {
            Ok(_) => self.connect().await,
            // Another command was faster: its lab is as good.
            Err(failure) if lab::holder(&state_dir).is_some() => {
                let started = self.connect_to_started(&state_dir).await?;
                started.ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Connects to the lab of this machine, when it runs or another command is starting it.
    async fn connect_to_started(&self, state_dir: &Path) -> Outcome<Option<Client>> {
        lab::start::settled(state_dir, &self.interrupt).await?;
        match self.running_context()? {
            Some(context) => Client::connect(&context).await.map(Some),
            None => Ok(None),
        }
    }

    /// Prints the message a command would send, when that was asked for; whether it was.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn shows<R: Request>(&self, project: Option<&ProjectName>, request: &R) -> Outcome<bool> {
        if !self.globals.as_command {
            return Ok(false);
        }
        let address = self.address::<R>(project)?;
        let body = lab_wire::encode_json(request);
        let body = String::from_utf8_lossy(&body);
        self.screen
            .print(&format!("{} {body}\n", address.subject()))?;
        Ok(true)
    }

    /// Does the work unless Ctrl-C comes first; then says what is and what is not done. The work may be
    /// dropped at any point.
    ///
    /// # Errors
    /// The work's own, or that it was cancelled.
    pub fn interruptible<T>(
        &self,
        work: impl Future<Output = Outcome<T>>,
        sentence: &str,
    ) -> impl Future<Output = Outcome<T>> {
        // A large future, and one a command: better on the heap than on every caller's stack.
        let work = Box::pin(work);
        async move {
            // Cancel-safe: what is given here only reads, asks, or fills the engine's store of images.
            tokio::select! {
                biased;
                () = self.interrupt.cancelled() => Err(Failure::Cancelled(sentence.to_owned())),
                done = work => done,
            }
        }
    }

    fn address<R: Request>(&self, project: Option<&ProjectName>) -> Outcome<RequestAddress> {
        Ok(RequestAddress {
            user: self.user()?,
            project: project.cloned(),
            noun: R::INFO.noun.to_owned(),
            verb: R::INFO.verb.to_owned(),
        })
    }

    /// Who asks, without a connection.
    ///
    /// # Errors
    /// Unreadable credentials.
    pub fn user(&self) -> Outcome<UserName> {
        match self.context()? {
            Some(Context {
                user: Some(user), ..
            }) => Ok(user),
            Some(context) => user_of(&read_credentials(&context)?),
            None => match &self.globals.user {
                Some(user) => Ok(user.clone()),
                None => Ok(UserName::new(USER_DEFAULT).expect("invariant: a valid name")),
            },
        }
    }

    /// Refuses a format for a command whose result is no table and no document.
    ///
    /// # Errors
    /// JSON or YAML was asked for.
    pub fn plain(&self) -> Outcome {
        match self.globals.format {
            None | Some(Format::Table) => Ok(()),
            Some(Format::Json | Format::Yaml) => Err(Failure::Usage(
                "this command prints no result that has a --format".to_owned(),
            )),
        }
    }

    /// Refuses `--as-command` for a command that is more than a message.
    ///
    /// # Errors
    /// It was asked for; `why` says what the command does instead.
    pub fn no_message(&self, why: &str) -> Outcome {
        match self.globals.as_command {
            false => Ok(()),
            true => Err(Failure::new(
                "CLI0026",
                format!("there is no message for this: {why}"),
                "leave --as-command out to do it",
            )),
        }
    }

    /// Whether results are printed as JSON.
    ///
    /// # Errors
    /// YAML was asked for where there is none.
    pub fn json(&self) -> Outcome<bool> {
        match self.globals.format {
            None | Some(Format::Table) => Ok(false),
            Some(Format::Json) => Ok(true),
            Some(Format::Yaml) => Err(Failure::Usage(
                "--format yaml is for `tercio config`; use table or json".to_owned(),
            )),
        }
    }
}

fn read_credentials(context: &Context) -> Outcome<Credentials> {
    Credentials::read(&context.creds).map_err(|error| {
        Failure::new(
            "CLI0001",
            lab_kit::telemetry::chain(&error).to_string(),
            "name a .creds file with --creds or TERCIO_CREDS; `tercio lab init --user NAME` makes one",
        )
    })
}

fn user_of(credentials: &Credentials) -> Outcome<UserName> {
    UserName::new(credentials.name()).map_err(|invalid| {
        Failure::new(
            "CLI0001",
            format!("the credentials are not a user's: {invalid}"),
            "use a user's .creds file; `tercio lab init --user NAME` makes one",
        )
    })
}

/// A fresh idempotency id.
#[must_use]
pub fn request_id() -> RequestId {
    let random: [u8; 15] = rand::random();
    let text = format!("req_{}", lab_types::ids::id_text(&random));
    RequestId::new(text).expect("invariant: base 32 is an id")
}

/// A connection to the lab as one user.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection.
    pub bus: Bus,
    /// Who asks.
    pub user: UserName,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// No answer, or the identity is not accepted.
    pub async fn connect(context: &Context) -> Outcome<Self> {
        let credentials = read_credentials(context)?;
        let user = match &context.user {
            Some(user) => user.clone(),
            None => user_of(&credentials)?,
        };
        let urls = context.nats_url.split(',').map(|url| url.trim().to_owned());
        let name = format!("tercio ({user})");
        let mut options = ConnectOptions::new(urls.collect(), credentials, name);
        let refused = |error: ConnectError| {
            Failure::new(
                "CLI0002",
                lab_kit::telemetry::chain(&error).to_string(),
                "does the lab run? `tercio lab status` tells about this machine's",
            )
        };
        if context.local {
            // This machine's lab runs, so its NATS is there or being started again.
            options.retry_initial = true;
            if let Ok(connected) =
                tokio::time::timeout(RESTART_MAX, Bus::connect(options.clone())).await
            {
                let bus = connected.map_err(refused)?;
                return Ok(Self { bus, user });
            }
            options.retry_initial = false;
        }
        let bus = Bus::connect(options).await.map_err(refused)?;
        Ok(Self { bus, user })
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// The lab's refusal, or that nobody answered.
    pub async fn call<R: Request>(
        &self,
        project: Option<&ProjectName>,
        request: &R,
    ) -> Outcome<R::Reply> {
        self.call_with(project, request, CallOptions::default())
            .await
    }

    /// Sends a request with options of its own and waits for its reply.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_with<R: Request>(
        &self,
        project: Option<&ProjectName>,
        request: &R,
        options: CallOptions,
    ) -> Outcome<R::Reply> {
        let called = self.bus.call(&self.user, project, request, options).await;
        called.map_err(|error| error.problem().into())
    }
}
