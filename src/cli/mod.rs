//! The command line: one file per verb. `serve` starts an emulator; every other verb talks to the
//! admin API of a running one.

mod call;
mod client;
mod clock;
mod credentials;
mod doctor;
mod exchange;
mod explain;
mod failure;
mod health;
mod merchant;
mod notification;
mod output;
mod reset;
mod scenario;
mod serve;
mod trigger;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::{Blame, Failure};

/// An offline double of payment gateways that explains why it refused.
#[derive(Debug, Parser)]
#[command(
    name = "sandgate",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a verb, sandgate serves. Exit status: 0 fine, 1 your input, 2 our fault."
)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start an emulator (the default verb)
    Serve(serve::ServeArgs),
    /// Look at what was sent and answered
    Exchange(exchange::ExchangeArgs),
    /// Say why an exchange ended as it did: the last refused one, or the one named
    Explain(explain::ExplainArgs),
    /// List, make, show and delete merchants
    Merchant(merchant::MerchantArgs),
    /// Write a merchant's credentials into files
    Credentials(credentials::CredentialsArgs),
    /// Choose what shall happen: scenario files and single rules
    Scenario(scenario::ScenarioArgs),
    /// Make happen to an order what its payer, its bank or its checker would do
    Trigger(trigger::TriggerArgs),
    /// Look at what is owed to the merchants' backends, and have it delivered once more
    Notification(notification::NotificationArgs),
    /// Look at the clock, stop it, move it
    Clock(clock::ClockArgs),
    /// Clear exchanges, transactions, notifications, armed rules, active scenarios and the
    /// clock; merchants stay
    Reset(reset::ResetArgs),
    /// Exit 0 if a server is ready, 1 if not
    Health(health::HealthArgs),
    /// Send a correct request to the running server and print the opened answer
    Call(call::CallArgs),
    /// Look for everything that makes people lose an evening; exit 1 if there is a problem
    Doctor(doctor::DoctorArgs),
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are answers, not mistakes; a closed pipe does not change that.
            let _ = usage.print();
            return if usage.use_stderr() { Blame::Caller.exit_code() } else { ExitCode::SUCCESS };
        }
    };
    let result = match &cli.verb {
        None => serve::run(&cli.serve),
        Some(Verb::Serve(args)) => serve::run(args),
        Some(Verb::Exchange(args)) => exchange::run(args),
        Some(Verb::Explain(args)) => explain::run(args),
        Some(Verb::Merchant(args)) => merchant::run(args),
        Some(Verb::Credentials(args)) => credentials::run(args),
        Some(Verb::Scenario(args)) => scenario::run(args),
        Some(Verb::Trigger(args)) => trigger::run(args),
        Some(Verb::Notification(args)) => notification::run(args),
        Some(Verb::Clock(args)) => clock::run(args),
        Some(Verb::Reset(args)) => reset::run(args),
        Some(Verb::Health(args)) => health::run(args),
        Some(Verb::Call(args)) => call::run(args),
        Some(Verb::Doctor(args)) => doctor::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Whether the command line understands these arguments, the program's name first. For those who
/// write them into files.
///
/// # Errors
/// What it does not understand.
#[doc(hidden)]
pub fn understands<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    Cli::try_parse_from(arguments).map(|_| ()).map_err(|usage| usage.to_string())
}

fn report(error: &anyhow::Error) -> ExitCode {
    let closed_pipe = error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe);
    if closed_pipe {
        // The reader has seen enough, as in `sandgate exchange list | head`.
        return ExitCode::SUCCESS;
    }
    output::talk(&format!("error: {error:#}"));
    if let Some(failure) = error.downcast_ref::<Failure>() {
        output::talk(&format!(" hint: {}", failure.hint));
        return failure.blame.exit_code();
    }
    output::talk(
        " hint: this looks like a fault of Sandgate; look whether the machine lacks memory,",
    );
    output::talk("       disk or threads, and report it if not");
    Blame::Us.exit_code()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_verb_and_takes_its_flags_there_too() {
        let bare = Cli::try_parse_from(["sandgate", "--ephemeral", "--port-base", "0"]);
        let named = Cli::try_parse_from(["sandgate", "serve", "--ephemeral", "--port-base", "0"]);

        assert!(bare.expect("valid").verb.is_none());
        assert!(matches!(named.expect("valid").verb, Some(Verb::Serve(_))));
        assert!(Cli::try_parse_from(["sandgate", "--ephemeral", "health"]).is_err());
    }
}
