mod desk;
mod http;
mod settle;
mod store;
