// A device whose clock is wrong: everything on the page, the client included, sees it shifted.
const fast = window.CDP.clockFastMs;
const TrueDate = Date;
window.Date = class extends TrueDate {
  constructor(...given) {
    super(...(given.length ? given : [TrueDate.now() + fast]));
  }
  static now() {
    return TrueDate.now() + fast;
  }
};
