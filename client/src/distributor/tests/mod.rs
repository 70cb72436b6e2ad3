mod desk;
mod http;
mod service;
mod settle;
mod store;
