/** The one place of the benchmarks that knows uWebSockets.js. */
export { App, type HttpResponse, SSLApp, us_socket_local_port } from 'uWebSockets.js';
