// The page begins here: fonts, styles, the connection to the server, the shell.
import '@fontsource/ibm-plex-sans/latin-400.css';
import '@fontsource/ibm-plex-sans/latin-600.css';
import '@fontsource/ibm-plex-mono/latin-400.css';
import '@fontsource/ibm-plex-mono/latin-600.css';
import './style/base.css';
import './style/shell.css';
import './style/walk.css';
import './style/views.css';
import { render } from 'preact';
import { App } from './app.js';
import { start } from './state/store.js';

start();
render(<App />, document.getElementById('page')!);
