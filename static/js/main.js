// Every page works without these; each module hooks on to data attributes.
import "./menu.js";
import "./errors.js";
import "./busy.js";
import "./reveal.js";
import "./autosave.js";
import "./theme.js";
import "./scopes.js";
import "./summary.js";
import "./copy.js";
import "./address.js";
import "./select.js";
import "./dialog.js";
import "./password.js";
import "./providers.js";
import "./passkeys.js";
import "./picture.js";
