//! The command line: `serve` (the default), and what an operator does at a terminal. The only place that makes an
//! [`Operator`].

use std::path::PathBuf;
use std::process::ExitCode;

use crate::administration::verifiers;
use crate::app::{self, Instance};
use crate::auth::InstanceKey;
use crate::auth::capability::Operator;
use crate::auth::link::Purpose;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, ConfigError, LogFormat};
use crate::db::Tx;
use crate::error::Error;
use crate::recovery;
use crate::text;
use crate::urls;
use crate::users;
use clap::{Parser, Subcommand};

/// The account centre behind the avatar, and the one call with which services check a token.
#[derive(Parser)]
#[command(name = "keystead", version)]
struct Arguments {
    /// The settings file; without it, keystead.toml in the working folder, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (what happens without a command).
    Serve,
    /// Check the settings and say what is wrong with them, without starting.
    CheckConfig,
    /// Put a new instance key before the present one in the key file. Restart afterwards; everybody signs in anew.
    RotateKey,
    /// Administer the instance from here.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
enum Admin {
    /// Make a verifier: a service that checks tokens. Prints its credential, once.
    CreateVerifier {
        /// The service, such as "billing".
        name: String,
    },
    /// Make a link with which a user chooses a new password: for whoever gets no mail. Prints it; good once, for an hour.
    ResetPassword {
        /// Their e-mail address.
        email: String,
    },
    /// Close an account: all its sessions end, and nothing of it works until it is opened again.
    Suspend {
        /// Its e-mail address.
        email: String,
    },
    /// Open a suspended account again. Its user signs in anew.
    Reactivate {
        /// Its e-mail address.
        email: String,
    },
    /// Make a link with which a user removes a lost second factor, with their password. Prints it; good once, for an hour.
    ResetSecondFactor {
        /// Their e-mail address.
        email: String,
    },
}

/// The exit code of a configuration error (sysexits.h, EX_CONFIG).
const EX_CONFIG: u8 = 78;

/// Runs what the arguments ask for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keystead: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    // What is written here is nobody else's to read: the database, the key, the mails.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let config = Config::load(arguments.config.as_deref(), std::env::vars())?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let _flush = log_to_stderr(&config);
            actix_web::rt::System::new().block_on(serve(config))
        }
        Command::CheckConfig => {
            app::check(&config)?;
            if app::listener(&config).is_err() {
                // Most likely it is Keystead itself, whose new settings are being checked before a restart.
                eprintln!(
                    "listen: {} is in use at the moment; if not by Keystead itself, it will not start",
                    config.listen
                );
            }
            println!("The settings are right.");
            Ok(())
        }
        Command::Admin(Admin::CreateVerifier { name }) => create_verifier(config, &name),
        Command::RotateKey => rotate_key(&config),
        Command::Admin(Admin::ResetPassword { email }) => {
            let code = recovery_link(&config, &email, Purpose::ResetPassword)?;
            give_link(&config, &email, &urls::password_reset(&code));
            Ok(())
        }
        Command::Admin(Admin::Suspend { email }) => {
            let typed = email.clone();
            let ended = administer(config, &email, move |tx, who, now| users::suspend(tx, who, &typed, now))?;
            match ended {
                Some(ended) => println!("{email} is suspended. Sessions that ended: {ended}."),
                None => println!("{email} was suspended before."),
            }
            Ok(())
        }
        Command::Admin(Admin::Reactivate { email }) => {
            let typed = email.clone();
            let opened = administer(config, &email, move |tx, who, now| users::reactivate(tx, who, &typed, now))?;
            println!("{email} {}.", if opened { "may sign in again" } else { "was not suspended" });
            Ok(())
        }
        Command::Admin(Admin::ResetSecondFactor { email }) => {
            let code = recovery_link(&config, &email, Purpose::RemoveSecondFactor)?;
            give_link(&config, &email, &urls::second_factor_remove(&code));
            Ok(())
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let app = app::build(config, Clock::system())?;
    let config = &app.instance.config;
    tracing::info!(address = %app.address, base_url = %config.absolute(""), database = ?app.instance.db.engine(), "Keystead is listening");
    if !config.is_https() {
        tracing::warn!(
            "base_url is plain http, so cookies are not marked Secure: good for trying it on this machine, not for serving people"
        );
    }
    if let Some(link) = &app.setup_link {
        // Printed rather than logged: it belongs to whoever started the program, not into a log store.
        println!("\nMake the first administrator here, once:\n\n    {link}\n");
    }
    let handle = app.server.handle();
    actix_web::rt::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping: requests under way may finish");
        handle.stop(true).await;
    });
    app.server.await?;
    drop(app.background);
    if let Err(error) = app.instance.db.settle() {
        tracing::debug!(%error, "the write-ahead log stays beside the database file");
    }
    tracing::info!("stopped");
    Ok(())
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    drop(tokio::signal::ctrl_c().await);
}

/// Log lines go to stderr through a queue that drops rather than blocks: a full pipe must not stop the service.
fn log_to_stderr(config: &Config) -> tracing_appender::non_blocking::WorkerGuard {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let terminal = std::io::stderr().is_terminal();
    let json = match config.log_format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    // Every odd cookie would be a line of actix-session's, and the server announces itself three times.
    let quiet = ["actix_session=error", "actix_server=warn"].map(|rule| rule.parse().expect("a constant directive"));
    let filter = quiet.into_iter().fold(EnvFilter::new(&config.log_filter), EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if json {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_ansi(terminal).with_target(false).init();
    }
    guard
}

fn create_verifier(config: Config, name: &str) -> anyhow::Result<()> {
    text::title(name).map_err(|problem| anyhow::anyhow!("{}", problem.message.unwrap_or_default()))?;
    let instance = existing(config)?;
    let (name, brand, now) = (text::tidy(name), instance.config.tokens.brand.clone(), instance.clock.now());
    let operator = Operator::at_the_command_line();
    let title = name.clone();
    let secret = instance.db.write_here(move |tx| verifiers::make(tx, &operator, &brand, &name, now)).map_err(|error| match error {
        Error::Taken(_) => anyhow::anyhow!("there is a verifier called {title:?} already; choose another name, or delete that one on the Verifiers page"),
        other => anyhow::anyhow!(other),
    })?;
    eprintln!("The credential of {title:?}, shown only now:");
    println!("{}", secret.reveal_for_machine());
    Ok(())
}

fn recovery_link(config: &Config, email: &str, purpose: Purpose) -> anyhow::Result<String> {
    if !config.password_sign_in && purpose == Purpose::ResetPassword {
        anyhow::bail!(
            "password_sign_in is off, so a password would open nothing; turn it on for as long as it takes, then run this again (docs/sign-in.md)"
        );
    }
    let instance = existing(config.clone())?;
    let (now, typed) = (instance.clock.now(), email.to_owned());
    let operator = Operator::at_the_command_line();
    let making = instance.db.write_here(move |tx| recovery::make_link(tx, &operator, &typed, purpose, now));
    making.map_err(|error| match error {
        Error::NotFound if purpose == Purpose::RemoveSecondFactor => {
            anyhow::anyhow!("there is no account with the address {email:?} that may be used and has a second factor")
        }
        Error::NotFound => anyhow::anyhow!("there is no account with the address {email:?} that may be used"),
        other => anyhow::anyhow!(other),
    })
}

/// Does something to an account, as the operator.
fn administer<T: Send + 'static>(
    config: Config,
    email: &str,
    verb: impl FnOnce(&mut Tx<'_>, &Operator, Timestamp) -> crate::error::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let instance = existing(config)?;
    let now = instance.clock.now();
    instance.db.write_here(move |tx| verb(tx, &Operator::at_the_command_line(), now)).map_err(|error| match error {
        Error::NotFound => anyhow::anyhow!("there is no account with the address {email:?}"),
        Error::Forbidden(why) => anyhow::anyhow!("{why}"),
        other => anyhow::anyhow!(other),
    })
}

fn give_link(config: &Config, email: &str, path: &str) {
    eprintln!("Give this link to {email}. It works once, for an hour:");
    println!("{}", config.absolute(path));
}

fn rotate_key(config: &Config) -> anyhow::Result<()> {
    let file = config.key_file();
    InstanceKey::rotate(&file)?;
    eprintln!(
        "A new key stands first in {}. Copy the file to every node and restart them all; everybody signs in anew.\n\
         Once all run, what the old key sealed is sealed with the new one, and the old line can go.",
        file.display()
    );
    Ok(())
}

/// The instance that these settings name; a wrong folder is no reason to make another.
fn existing(config: Config) -> anyhow::Result<std::sync::Arc<Instance>> {
    if config.database_url.is_none() && !config.data_dir.join("keystead.sqlite").exists() {
        anyhow::bail!(
            "there is no instance in {}; run this where Keystead runs, with the same settings",
            config.data_dir.display()
        );
    }
    Instance::open(config, Clock::system())
}
