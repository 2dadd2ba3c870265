/**
 * The only file that imports uWebSockets.js. It comes as the repackaged `uws-pack`, because the upstream project does not publish to
 * the registry; README tells how to switch to the upstream's own release.
 */
export {
  App,
  type HttpRequest,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  type us_socket_context_t,
  type WebSocket,
  type WebSocketBehavior,
} from 'uWebSockets.js';
