// The npm package telegram-test-api as a process: `node telegram_test_api.js PORT` prints READY and the address, and
// ends on SIGTERM or when its stdin closes. Where the package answers otherwise than the Bot API says, and
// python-telegram-bot could not go on, it is put right here; each place has its number.
'use strict';
const TelegramServer = require('telegram-test-api');

const server = new TelegramServer({port: Number(process.argv[2]), host: '127.0.0.1', storage: 'RAM', storeTimeout: 3600});

// 1. The date of a message is in milliseconds there, in whole seconds in the Bot API.
const addBotMessage = server.addBotMessage.bind(server);
server.addBotMessage = (raw, token) => {
  const message = addBotMessage(raw, token);
  return {...message, date: Math.floor(message.date / 1000)};
};

// 2. A press has no chat_instance there, which the Bot API always gives.
const formatUpdate = TelegramServer.formatUpdate;
TelegramServer.formatUpdate = (update) => {
  const told = formatUpdate(update);
  if (told.callback_query) told.callback_query.chat_instance = '1';
  return told;
};

const botMessage = (body) => server.storage.botMessages.find((each) =>
  String(each.messageId) === String(body.message_id) && String(each.message.chat_id) === String(body.chat_id));

// 3. An edit leaves the old entities and buttons there; in the Bot API what is not given again is gone.
const replacing = (edit, dropped) => (body) => {
  const found = botMessage(body);
  for (const name of found ? dropped : []) delete found.message[name];
  edit(body);
};
server.editMessageText = replacing(server.editMessageText.bind(server), ['entities', 'reply_markup']);
server.editMessageReplyMarkup = replacing(server.editMessageReplyMarkup.bind(server), ['reply_markup']);

// The result where the package gives null.
const resultOf = (method, body) => {
  if (!method.startsWith('edit')) return true; // 4. Deleting and acknowledging give true.
  const found = botMessage(body); // 5. An edit gives the message as it is now.
  if (!found) return undefined;
  const {chat_id: chat, ...content} = found.message;
  return {
    ...content,
    message_id: found.messageId,
    date: Math.floor(found.time / 1000),
    edit_date: Math.floor(Date.now() / 1000),
    chat: {id: Number(chat), type: 'private', first_name: 'Person'},
  };
};

const refused = (code, description) => ({ok: false, error_code: code, description});

const corrected = (method, body, answer) => {
  if (!('ok' in answer)) return refused(404, 'Not Found'); // 6. A method it does not know is a 500 there.
  if (!answer.ok) return {error_code: 400, ...answer};
  if (method === 'getMe') return {ok: true, result: {...answer.result, is_bot: true}}; // 7. A bot says that it is one.
  if (answer.result !== null) return answer;
  const result = resultOf(method, body);
  return result === undefined ? refused(400, 'Bad Request: message to edit not found') : {ok: true, result};
};

// 8. getUpdates answers at once there; in the Bot API it is held until there is something, or `timeout` seconds.
const held = (request, response, token, go) => {
  const end = Date.now() + Number(request.body.timeout || 0) * 1000;
  let left = false;
  response.on('close', () => { left = true; });
  const look = () => {
    if (left) return; // an update must not go to somebody who has left
    const waits = server.storage.userMessages.some((each) => each.botToken === token && !each.isRead);
    if (waits || Date.now() >= end) go();
    else setTimeout(look, 5);
  };
  look();
};

server.webServer.use((request, response, next) => {
  const found = /^\/bot([^/]+)\/(\w+)/.exec(request.path);
  if (!found) return next();
  const [, token, method] = found;
  request.body = {...request.query, ...request.body};
  const json = response.json.bind(response);
  response.json = (answer) => {
    const said = corrected(method, request.body, answer);
    return json.call(response.status(said.ok ? 200 : said.error_code), said);
  };
  return method === 'getUpdates' ? held(request, response, decodeURIComponent(token), next) : next();
});
// What was put in last must come after the package's readers of bodies and before its routes.
const layers = server.webServer._router.stack;
const ours = layers.pop();
layers.splice(layers.findIndex((each) => each.route), 0, ours);

const stop = () => server.stop().then(() => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);
process.stdin.on('end', stop).resume();
server.start().then(() => console.log(`READY ${server.config.apiURL}`), (error) => {
  console.error(String(error));
  process.exit(1);
});
