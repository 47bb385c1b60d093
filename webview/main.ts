/** The webview's entry: makes the store and the one view that holds all others. */
import './styles/main.css';
import { createBridge } from './bridge';
import { ViewerStore } from './state/viewerStore';
import './tree/treeView';
import { registerToolkit } from './ui/toolkit';
import { AppView } from './views/appView';
import './views/activationsPane';
import './views/detailsView';
import './views/headerView';
import './views/inputsView';
import './views/largeMap';
import './views/searchView';
import './views/sliceBar';
import './views/splitterView';
import './views/weightsPane';

registerToolkit();
const store = new ViewerStore(createBridge());
const app = new AppView();
app.store = store;
(document.getElementById('root') ?? document.body).append(app);
void store.start();
