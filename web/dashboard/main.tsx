import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import './known.css';
import { App } from './ui/app';

const root = document.getElementById('app');
if (root) render(<App />, root);
