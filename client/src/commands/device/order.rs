//! `waybill device confirm`, `rollback` and `retry`

use super::{gateway, roots, status, StateArgs};
use crate::{context::Context, error::Result};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use waybill_device::{obey, Error, Home, Order};

/// How long an agent that runs may take to carry out an order.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// Runs the command: leaves the order for the agent, or carries it out if no agent runs.
pub async fn run(args: &StateArgs, ctx: &Context, order: fn(&Home) -> waybill_device::Result<Order>) -> Result<()> {
	let folder = args.path(ctx);
	let order = order(&Home::read(folder)?)?;
	match Home::open(folder) {
		Ok(home) => {
			let output = ctx.output;
			let tell = Box::new(move |event: &_| output.progress(event));
			obey(home, &order, gateway(ctx, &roots(ctx))?, &ctx.config.device, tell).await?;
		},
		Err(Error::Locked(_)) => {
			let home = Home::read(folder)?;
			order.check(&home)?;
			home.leave_order(&order)?;
			let carried_out = async {
				while home.is_ordered() || (order.is_under_way(&home)?) {
					sleep(LOOK).await;
				}
				Ok::<_, Error>(())
			};
			let shown = ctx.progress.spinner("waiting for the agent that runs");
			match timeout(PATIENCE, carried_out).await {
				Ok(done) => done?,
				Err(_) => tracing::warn!("the agent that runs has not carried out the order yet; it will"),
			}
			drop(shown);
		},
		Err(error) => return Err(error.into()),
	}
	status::run(args, ctx)
}
