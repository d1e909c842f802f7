"use strict";
// Sends the views of a study in one request and shows the result.

const [zone, files, result, card, login] = ["zone", "files", "result", "card", "login"].map(
  (id) => document.getElementById(id),
);
let token = takeToken();
let controller = new AbortController();

/** Move the token from the URL fragment to the session storage of this tab. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}

/** Send a request; a refusal throws an error with the message of the server. */
async function request(path, options = {}, tell = showMessage) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  while (!response || response.status === 429) {
    if (response) {
      tell("The server is busy with other studies; this study is waiting.");
      const seconds = Number(response.headers.get("retry-after"));
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      options.signal?.throwIfAborted();
    }
    try {
      response = await fetch(path, { ...options, headers, credentials: "omit" });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Error("The server does not respond.");
    }
  }
  login.hidden = response.status !== 401;
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error ?? "The server is busy; try again.");
  }
  return response;
}

/** Show a message in place of a result. */
function showMessage(text) {
  const line = document.createElement("p");
  line.className = "message";
  line.textContent = text;
  result.replaceChildren(line);
}

/** Return the reason for not sending these files, if there is one. */
function findLimitError(views) {
  const { maxViews, viewMb, requestBytes } = zone.dataset;
  if (views.length > maxViews) {
    return `Expected at most ${maxViews} views of one study; ${views.length} were given.`;
  }
  const large = views.find((view) => view.size > viewMb * 2 ** 20);
  if (large) {
    return `Expected views of at most ${viewMb} MB each; ${large.name} exceeds that.`;
  }
  const total = views.reduce((sum, view) => sum + view.size, 2048 * views.length);
  return total > requestBytes ? "These views are too large for one request." : undefined;
}

/** Send a study; an earlier request that is still running is aborted. */
async function send(views) {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  const limitError = findLimitError(views);
  if (limitError) {
    showMessage(limitError);
    return;
  }
  const body = new FormData();
  views.forEach((view) => body.append("views", view, view.name));
  showMessage(views.length === 1 ? "Reading 1 view …" : `Reading ${views.length} views …`);
  result.ariaBusy = "true";
  try {
    const html = await (await request("/predict", { method: "POST", body, signal })).text();
    result.innerHTML = html;
  } catch (error) {
    if (signal.aborted) return;
    showMessage(error.message);
  }
  result.ariaBusy = "false";
  if (result.querySelector("img.heat")) await showHeatMaps(body, signal);
}

/** Request the heat maps of the study on the page, and add them to its views. */
async function showHeatMaps(body, signal) {
  const status = document.getElementById("heat-maps");
  const tell = (text) => { status.textContent = text; };
  try {
    const response = await request("/heat-maps", { method: "POST", body, signal }, tell);
    const sources = (await response.json()).heat_maps;
    const pictures = result.querySelectorAll("img.heat");
    if (sources.length !== pictures.length) throw new Error("The heat maps are incomplete.");
    pictures.forEach((picture, index) => {
      picture.src = sources[index];
      picture.hidden = false;
    });
    status.hidden = true;
    enableSlider();
  } catch (error) {
    if (!signal.aborted) tell(error.message);
  }
}

/** Connect the slider to the opacity of the heat maps. */
function enableSlider() {
  const slider = result.querySelector("input[type=range]");
  slider.disabled = false;
  slider.addEventListener("input", () => {
    result.querySelector(".result").style.setProperty("--heat", slider.value / 100);
    result.querySelector("output").textContent = `${slider.value} %`;
  });
}

/** Show the name of the model and its model card. */
async function showModel() {
  try {
    const model = await (await request("/card")).json();
    document.getElementById("run").textContent = `, ${model.run}`;
    document.getElementById("title").textContent = model.title;
    document.title = model.title;
    document.getElementById("card-text").innerHTML = model.card;
    card.hidden = false;
  } catch (error) {
    if (login.hidden) showMessage(error.message);
  }
}

files.addEventListener("change", () => {
  const views = [...files.files];
  files.value = "";
  if (views.length) send(views);
});
// otherwise the browser would open a file that is dropped beside the zone
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => event.preventDefault());
}
for (const [kind, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  zone.addEventListener(kind, () => zone.classList.toggle("over", isOver));
}
zone.addEventListener("drop", (event) => {
  const views = [...event.dataTransfer.files];
  if (views.length) send(views);
});
login.addEventListener("submit", (event) => {
  event.preventDefault();
  token = document.getElementById("token").value.trim();
  sessionStorage.setItem("token", token);
  result.replaceChildren();
  showModel();
});
showModel();
